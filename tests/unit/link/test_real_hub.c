/* Two links and the hub as it is built: enrolment, exchange, restarts, large documents. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "careplan/identity.h"
#include "link/enrol.h"
#include "link/http.h"
#include "station.h"

#ifndef HUB
#error "HUB is the path of careplan-hub"
#endif

struct world {
    char dir[64], conf[96], ca[96], url[64];
    int port;
    pid_t hub;
    struct station care, service;
};

/* One line of output of a hub command. */
static void command(const char *text, char *line, size_t size)
{
    FILE *f = popen(text, "r");
    assert_non_null(f);
    if (line && fgets(line, (int)size, f))
        line[strcspn(line, "\n")] = '\0';
    while (fgetc(f) != EOF)
        ;
    assert_int_equal(pclose(f), 0);
}

static bool answers(void *context)
{
    struct world *w = context;
    struct error e;
    struct buffer ca = {0};
    struct http *h;
    struct http_answer a = {0};
    assert_int_equal(file_read(w->ca, 65536, &ca, NULL), 0);
    struct http_options options = {.url = w->url, .ca = &ca};
    struct http_request get = {.method = "GET", .path = "/v1/crl", .limit = 1 << 20, .total_seconds = 5};
    assert_int_equal(http_new(&options, &h, &e), 0);
    assert_int_equal(http_call(h, &get, &a), 0);
    buffer_free(&a.body);
    http_free(h);
    buffer_free(&ca);
    return a.status == 200;
}

static void hub_start(struct world *w)
{
    w->hub = fork();
    if (w->hub == 0) {
        execl(HUB, "careplan-hub", "serve", "--config", w->conf, (char *)NULL);
        _exit(127);
    }
    assert_true(station_wait(answers, w, 20));
}

static void hub_stop(struct world *w)
{
    int status;
    kill(w->hub, SIGTERM);
    waitpid(w->hub, &status, 0);
    w->hub = 0;
}

static void hub_make(struct world *w)
{
    char text[512];
    w->port = 20000 + (int)(getpid() % 20000);
    strcpy(w->dir, "/tmp/test-link-hub-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->conf, sizeof w->conf, "%s/hub/hub.conf", w->dir);
    snprintf(w->ca, sizeof w->ca, "%s/hub/ca.pem", w->dir);
    snprintf(w->url, sizeof w->url, "https://127.0.0.1:%d", w->port);
    snprintf(text, sizeof text, HUB " init --dir %s/hub --listen 127.0.0.1:%d --name 127.0.0.1 2>&1", w->dir,
             w->port);
    command(text, NULL, 0);
}

static void token_for(struct world *w, const char *office_text, char token[128])
{
    char text[512];
    snprintf(text, sizeof text, HUB " token --config %s %s", w->conf, office_text);
    command(text, token, 128);
}

static int enrol(struct world *w, struct station *s, const char *token, struct error *e)
{
    struct enrol_request request = {
        .hub_url = w->url, .ca_file = w->ca, .office = s->id, .token = token, .state_dir = s->dir};
    *e = (struct error){0};
    return enrol_office(&request, e);
}

static void add(struct world *w, struct station *s, const char *office_text, const char *name)
{
    char text[512], token[128];
    struct error e;
    station_folder(s, office_text, w->ca);
    snprintf(text, sizeof text, HUB " office add --config %s %s %s 2>&1", w->conf, office_text, name);
    command(text, NULL, 0);
    token_for(w, office_text, token);
    if (enrol(w, s, token, &e))
        fail_msg("%s", e.text);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    hub_make(w);
    hub_start(w);
    add(w, &w->care, CARE, "架空居宅");
    add(w, &w->service, SERVICE, "架空訪問");
    station_open(&w->care, w->port);
    station_open(&w->service, w->port);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    struct station folder = {0};
    station_close(&w->care);
    station_close(&w->service);
    if (w->hub)
        hub_stop(w);
    station_remove(&w->care);
    station_remove(&w->service);
    memcpy(folder.dir, w->dir, sizeof folder.dir);
    station_remove(&folder);
    free(w);
    return 0;
}

static void start_both(struct world *w)
{
    station_start(&w->care);
    station_start(&w->service);
    assert_true(station_wait_knows(&w->care, SERVICE));
    assert_true(station_wait_knows(&w->service, CARE));
}

/* kB of a line of /proc/self/status. */
static long status_kb(const char *key)
{
    char line[256];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (strncmp(line, key, strlen(key)) == 0)
            kb = strtol(line + strlen(key) + 1, NULL, 10);
    fclose(f);
    return kb;
}

static void forget_peak(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");
    assert_non_null(f);
    fputs("5", f);
    fclose(f);
}

/* ---- enrolment ---- */

static void a_wrong_token_changes_nothing(void **state)
{
    struct world *w = *state;
    struct error e;
    X509 *before = station_certificate(&w->care);
    assert_int_equal(enrol(w, &w->care, "0123456789abcdef0123456789abcdef", &e), -EACCES);
    assert_string_equal(e.code, "token-refused");
    assert_null(strchr(e.text, '\n'));
    X509 *after = station_certificate(&w->care);
    assert_int_equal(X509_cmp(before, after), 0);
    X509_free(before);
    X509_free(after);
    start_both(w);
}

static void enrolling_again_retires_the_old_pair(void **state)
{
    struct world *w = *state;
    char token[128], fingerprint[65], path[256];
    struct error e;
    struct stat status;
    X509 *before = station_certificate(&w->care);
    certificate_fingerprint(before, fingerprint);
    token_for(w, CARE, token);
    assert_int_equal(enrol(w, &w->care, token, &e), 0);
    X509 *after = station_certificate(&w->care);
    assert_int_not_equal(X509_cmp(before, after), 0);
    snprintf(path, sizeof path, "%s/retired/%.32s.key", w->care.dir, fingerprint);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    snprintf(path, sizeof path, "%s/office.key", w->care.dir);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    snprintf(path, sizeof path, "%s/office.key.new", w->care.dir);
    assert_int_equal(stat(path, &status), -1);
    start_both(w);
    X509_free(before);
    X509_free(after);
}

static void a_hub_of_another_root_is_not_believed(void **state)
{
    struct world *w = *state;
    struct ca_files other;
    char path[128];
    struct error e = {0};
    assert_int_equal(ca_init("other.example.jp", &other, NULL), 0);
    snprintf(path, sizeof path, "%s/other.pem", w->dir);
    assert_int_equal(file_write(path, other.root_certificate, strlen(other.root_certificate), 0644, &e), 0);
    struct enrol_request request = {.hub_url = w->url,
                                    .ca_file = path,
                                    .office = w->care.id,
                                    .token = "0123456789abcdef0123456789abcdef",
                                    .state_dir = w->care.dir};
    assert_int_equal(enrol_office(&request, &e), -EHOSTUNREACH);
    assert_string_equal(e.code, "hub-untrusted");
    ca_files_free(&other);
}

static void the_probe_tells_reach_and_clock(void **state)
{
    struct world *w = *state;
    struct error e = {0};
    int64_t ahead;
    assert_int_equal(enrol_probe(w->url, w->ca, w->care.dir, &ahead, &e), 0);
    assert_true(ahead > -2000 && ahead < 2000);
    hub_stop(w);
    assert_int_equal(enrol_probe(w->url, w->ca, w->care.dir, &ahead, &e), -EHOSTUNREACH);
    assert_string_equal(e.code, "hub-unreachable");
}

/* ---- exchange ---- */

static void a_unit_goes_there_and_its_receipt_comes_back(void **state)
{
    struct world *w = *state;
    start_both(w);
    uint64_t m = station_send_sample(&w->care, SERVICE, "b_month_202504_43_to_11");
    assert_true(station_wait_in(&w->service, "arrived", 1, 20));
    assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 20));
    int64_t sum = 0;
    for (int i = 0; i < 10; i++) {
        char name[32];
        snprintf(name, sizeof name, "scan%d.pdf", i);
        usleep(50 * 1000);
        int64_t before = clock_boot_ms();
        station_send_document(&w->care, SERVICE, name, 20000);
        assert_true(station_wait_in(&w->service, "arrived", 2 + (size_t)i, 20));
        sum += clock_boot_ms() - before;
    }
    print_message("queued to received, mean of 10: %lld ms\n", (long long)sum / 10);
}

static void the_hub_restarts_in_between(void **state)
{
    struct world *w = *state;
    start_both(w);
    hub_stop(w);
    uint64_t m = station_send_sample(&w->care, SERVICE, "b_month_202504_43_to_11");
    usleep(200 * 1000);
    hub_start(w);
    assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 60));
    uint64_t k = station_send_sample(&w->service, CARE, "c_result_202504_11_to_43");
    hub_stop(w);
    hub_start(w);
    assert_true(station_wait_state(&w->service, k, OUT_RECEIVED, 60));
    assert_int_equal(station_count_in(&w->service, NULL), 1);
    assert_int_equal(station_count_in(&w->care, NULL), 1);
}

static void five_hundred_at_once(void **state)
{
    struct world *w = *state;
    uint64_t last = 0;
    start_both(w);
    int64_t before = clock_boot_ms();
    for (int i = 0; i < 500; i++) {
        char name[32];
        snprintf(name, sizeof name, "scan%03d.pdf", i);
        last = station_send_document(&w->care, SERVICE, name, 20000 + (size_t)i);
    }
    assert_true(station_wait_in(&w->service, "arrived", 500, 120));
    assert_true(station_wait_state(&w->care, last, OUT_RECEIVED, 60));
    print_message("500 documents: %lld ms\n", (long long)(clock_boot_ms() - before));
    assert_int_equal(station_count_in(&w->service, NULL), 500);
}

/* Both offices live in this process: twice the 8 MiB that one may take. */
static void a_large_document_takes_no_more_memory(void **state)
{
    struct world *w = *state;
    const char *wanted = getenv("CAREPLAN_DOCUMENT"); /* bytes, for a run by hand */
    size_t sent = wanted ? strtoul(wanted, NULL, 10) : 100 * 1000 * 1000;
    struct hash256 got;
    uint64_t size;
    start_both(w);
    uint64_t m = station_send_document(&w->care, SERVICE, "first.pdf", 3 * 1000 * 1000);
    assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 60));
    forget_peak();
    long before = status_kb("VmRSS:");
    m = station_send_document(&w->care, SERVICE, "scan.pdf", sent);
    assert_true(station_wait_state(&w->care, m, OUT_RECEIVED, 480));
    long rise = status_kb("VmHWM:") - before;
    print_message("%zu bytes: memory rose by %ld kB\n", sent, rise);
    assert_true(station_arrived(&w->service, "scan.pdf", &got, &size));
    assert_int_equal(size, sent);
#ifdef MEMORY_IS_MEASURED
    assert_true(rise < 16 * 1024);
#endif
}

int main(void)
{
#define RULE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        RULE(a_wrong_token_changes_nothing),
        RULE(enrolling_again_retires_the_old_pair),
        RULE(a_hub_of_another_root_is_not_believed),
        RULE(the_probe_tells_reach_and_clock),
        RULE(a_unit_goes_there_and_its_receipt_comes_back),
        RULE(the_hub_restarts_in_between),
        RULE(five_hundred_at_once),
        RULE(a_large_document_takes_no_more_memory),
    };
    const char *only = getenv("CAREPLAN_ONLY");
    if (only)
        cmocka_set_test_filter(only);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
