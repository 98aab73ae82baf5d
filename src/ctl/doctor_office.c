#include "ctl/doctor.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "careplan/identity.h"
#include "control/control_client.h"
#include "ctl/common.h"
#include "ctl/read_ledger.h"
#include "link/enrol.h"

enum {
    CALL_MS = 5000,
    CERTIFICATE_SOON_DAYS = 30,
    CLOCK_WARNING_MS = 60 * 1000,
    CLOCK_ERROR_MS = 5 * 60 * 1000, /* beyond it the partners refuse what is sent */
    DEVICE_DEPTH = 8,
};
#define MIB ((uint64_t)1 << 20)

CLEANUP_DEFINE(autojson, json_t, json_decref);

static void check_folder(FILE *out, const char *what, const char *state)
{
    struct stat status;
    if (stat(state, &status) || access(state, R_OK | W_OK | X_OK))
        doctor_say(out, DOCTOR_ERROR, what, "state folder %s: %s; do: careplanctl enrol", state,
                   strerror(errno));
    else if (status.st_mode & 077)
        doctor_say(out, DOCTOR_ERROR, what, "state folder %s: mode %04o lets others in; do: chmod 700 %s",
                   state, (unsigned)status.st_mode & 07777, state);
    else
        doctor_say(out, DOCTOR_OK, what, "state folder %s", state);
}

static void check_certificate(FILE *out, const char *what, const struct settings_office *office)
{
    struct error e = {0};
    char until[20];
    autofree char *key = ctl_key_path(office->state), *certificate = ctl_certificate_path(office->state);
    struct identity *self = key && certificate ? identity_load(key, certificate, &e) : NULL;
    if (!self) {
        doctor_say(out, DOCTOR_ERROR, what, "certificate: %s", e.text);
        return;
    }
    int64_t end = certificate_end(identity_certificate(self)), days = (end - clock_utc_ms()) / 86400000;
    clock_format_japan(end, until);
    if (!office_id_equal(identity_office(self), &office->office))
        doctor_say(out, DOCTOR_ERROR, what, "certificate: is that of %s; do: enrol this office again",
                   identity_office(self)->text);
    else if (end <= clock_utc_ms())
        doctor_say(out, DOCTOR_ERROR, what,
                   "certificate: ended on %s; do: careplanctl enrol with a new token", until);
    else
        doctor_say(out, days < CERTIFICATE_SOON_DAYS ? DOCTOR_WARNING : DOCTOR_OK, what,
                   "certificate: until %s, %" PRId64 " days%s", until, days,
                   days < CERTIFICATE_SOON_DAYS ? "; do: careplanctl enrol with a new token" : "");
    identity_free(self);
}

static void check_space(FILE *out, const char *what, const char *state)
{
    struct statvfs fs;
    if (statvfs(state, &fs)) {
        doctor_say(out, DOCTOR_ERROR, what, "free space: %s: %s", state, strerror(errno));
        return;
    }
    uint64_t mib = (uint64_t)fs.f_bavail * fs.f_frsize / MIB;
    enum doctor_level level = mib < 100 ? DOCTOR_ERROR : mib < 1024 ? DOCTOR_WARNING : DOCTOR_OK;
    doctor_say(out, level, what, "free space: %" PRIu64 " MiB%s", mib,
               level == DOCTOR_OK ? "" : "; do: make room, or saves will fail");
}

/* A device, or one that it lies on, is a LUKS volume. */
static bool device_is_luks(const char *folder, int depth)
{
    char path[640], uuid[64] = "";
    snprintf(path, sizeof path, "%s/dm/uuid", folder);
    FILE *f = fopen(path, "re");
    if (f && !fgets(uuid, sizeof uuid, f))
        uuid[0] = '\0';
    if (f)
        fclose(f);
    if (strncmp(uuid, "CRYPT-LUKS", 10) == 0)
        return true;
    snprintf(path, sizeof path, "%s/slaves", folder);
    DIR *dir = depth > 0 ? opendir(path) : NULL;
    bool found = false;
    for (const struct dirent *entry; dir && !found && (entry = readdir(dir));) {
        char below[600];
        snprintf(below, sizeof below, "/sys/class/block/%.255s", entry->d_name);
        found = entry->d_name[0] != '.' && device_is_luks(below, depth - 1);
    }
    if (dir)
        closedir(dir);
    return found;
}

static void check_encryption(FILE *out, const char *what, const char *state)
{
    struct stat status;
    char path[80];
    if (stat(state, &status))
        return; /* said already */
    snprintf(path, sizeof path, "/sys/dev/block/%u:%u", major(status.st_dev), minor(status.st_dev));
    if (device_is_luks(path, DEVICE_DEPTH))
        doctor_say(out, DOCTOR_OK, what, "disk: encrypted (LUKS)");
    else
        doctor_say(
            out, DOCTOR_WARNING, what,
            "disk: no LUKS seen below %s; contents are encrypted, but large drafts are not while they are "
            "written; do: put the state folder on an encrypted disk",
            state);
}

static void check_ledger(FILE *out, const char *what, const struct settings_office *office)
{
    struct error e = {0};
    struct ledger *l;
    uint64_t rows = 0;
    int r = read_ledger_open(office, &l, &e);
    if (r == -ENOENT && strcmp(e.code, "ledger-missing") == 0) {
        doctor_say(out, DOCTOR_WARNING, what, "ledger: not begun yet; do: start careplanfs");
        return;
    }
    if (r == 0)
        r = ledger_check(l, &e);
    if (r == 0)
        r = ledger_verify(l, &rows, &e);
    ledger_close(l);
    if (r)
        doctor_say(out, DOCTOR_ERROR, what, "ledger: %s; do: stop careplanfs and keep a copy of %s", e.text,
                   office->state);
    else
        doctor_say(out, DOCTOR_OK, what, "ledger: intact, audit chain unbroken, %" PRIu64 " rows", rows);
}

static void check_daemon(FILE *out, const char *what, const struct settings_office *office)
{
    struct error e = {0};
    with_cleanup(autojson) json_t *call = json_pack("{s:s}", "call", "status"), *answer = NULL;
    int r = call ? control_call(office->state, call, CALL_MS, &answer, &e) : -ENOMEM;
    const char *trouble = json_string_value(json_object_get(answer, "trouble"));
    if (r)
        doctor_say(out, DOCTOR_WARNING, what, "careplanfs: %s", e.text);
    else if (trouble && *trouble)
        doctor_say(out, DOCTOR_WARNING, what, "careplanfs: runs, and says: %s", trouble);
    else
        doctor_say(out, DOCTOR_OK, what, "careplanfs: runs");
}

static void check_hub(FILE *out, const char *what, const struct settings *settings,
                      const struct settings_office *office)
{
    struct error e = {0};
    int64_t ahead = 0;
    if (!settings->hub_url || !settings->hub_ca) {
        doctor_say(out, DOCTOR_ERROR, what, "hub: [hub] url and ca are not set; do: careplanctl enrol");
        return;
    }
    if (enrol_probe(settings->hub_url, settings->hub_ca, office->state, &ahead, &e)) {
        doctor_say(out, DOCTOR_ERROR, what, "hub: %s%s", e.text,
                   strstr(e.text, "do:") ? "" : "; do: look at the network, and ask the hub's operator");
        return;
    }
    doctor_say(out, DOCTOR_OK, what, "hub: %s answers", settings->hub_url);
    int64_t off = ahead < 0 ? -ahead : ahead;
    enum doctor_level level = off > CLOCK_ERROR_MS     ? DOCTOR_ERROR
                              : off > CLOCK_WARNING_MS ? DOCTOR_WARNING
                                                       : DOCTOR_OK;
    doctor_say(out, level, what, "clock: %" PRId64 " s %s the hub's%s", off / 1000,
               ahead < 0 ? "behind" : "ahead of", level == DOCTOR_OK ? "" : "; do: timedatectl set-ntp true");
}

void doctor_office(FILE *out, const struct settings *settings, const struct settings_office *office)
{
    const char *what = office->office.text;
    check_folder(out, what, office->state);
    check_certificate(out, what, office);
    check_space(out, what, office->state);
    check_encryption(out, what, office->state);
    check_ledger(out, what, office);
    check_daemon(out, what, office);
    check_hub(out, what, settings, office);
}
