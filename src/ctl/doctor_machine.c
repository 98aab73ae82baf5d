#include "ctl/doctor.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include <openssl/opensslv.h>

#define OPENSSL_LEAST 0x30000160L /* 3.0.22: older ones have flaws on the CMS path that is used here */

static bool check_openssl(FILE *out)
{
    unsigned long version = OpenSSL_version_num();
    if (version >= OPENSSL_LEAST)
        return doctor_say(out, DOCTOR_OK, "OpenSSL", "%s", OpenSSL_version(OPENSSL_VERSION));
    return doctor_say(out, DOCTOR_ERROR, "OpenSSL",
                      "%s is older than 3.0.22; do: apt install --only-upgrade libssl3",
                      OpenSSL_version(OPENSSL_VERSION));
}

static bool check_fuse(FILE *out)
{
    if (access("/dev/fuse", F_OK))
        return doctor_say(out, DOCTOR_ERROR, "/dev/fuse", "%s; do: modprobe fuse", strerror(errno));
    if (geteuid() == 0 && access("/dev/fuse", R_OK | W_OK))
        return doctor_say(out, DOCTOR_ERROR, "/dev/fuse", "%s; do: let this machine or container use FUSE",
                          strerror(errno));
    return doctor_say(out, DOCTOR_OK, "/dev/fuse", "is there");
}

static bool check_kernel(FILE *out)
{
    struct utsname name;
    unsigned major = 0, minor = 0;
    if (uname(&name) || sscanf(name.release, "%u.%u", &major, &minor) != 2)
        return doctor_say(out, DOCTOR_WARNING, "kernel",
                          "its version cannot be read; 5.4 or newer is needed");
    if (major < 5 || (major == 5 && minor < 4))
        return doctor_say(out, DOCTOR_ERROR, "kernel", "%s is older than 5.4; do: install a newer one",
                          name.release);
    if (major < 6 || (major == 6 && minor < 9))
        return doctor_say(
            out, DOCTOR_WARNING, "kernel",
            "%s: a daemon that dies means a fresh mount (6.9 and newer can hand requests on); do: nothing, or "
            "install a newer one",
            name.release);
    return doctor_say(out, DOCTOR_OK, "kernel", "%s", name.release);
}

static bool check_clock(FILE *out)
{
    struct timex t = {0};
    int state = adjtimex(&t);
    if (state < 0 || state == TIME_ERROR || (t.status & STA_UNSYNC))
        return doctor_say(out, DOCTOR_WARNING, "clock", "is not synchronised; do: timedatectl set-ntp true");
    return doctor_say(out, DOCTOR_OK, "clock", "is synchronised");
}

int doctor_machine(FILE *out)
{
    return check_openssl(out) + check_fuse(out) + check_kernel(out) + check_clock(out);
}

static bool check_user(FILE *out, const char *name)
{
    if (getpwnam(name))
        return doctor_say(out, DOCTOR_OK, "user", "%s", name);
    return doctor_say(out, DOCTOR_ERROR, "user",
                      "%s is missing; do: useradd --system --shell /usr/sbin/nologin %s", name, name);
}

int doctor_users(FILE *out, const struct settings *settings)
{
    return check_user(out, settings->user) + check_user(out, settings->announcer);
}
