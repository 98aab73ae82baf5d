#include "ctl/check_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { PIECE = 64 * 1024 };

CLEANUP_DEFINE(autocheck, struct careplan_check, careplan_check_free);

void check_cannot(struct check_job *job, const char *path, int number)
{
    job->cannot = true;
    output_say(&job->out, "file", path, strerror(number));
}

struct place {
    struct check_job *job;
    const char *path;
};

static void put(void *context, const struct careplan_problem *problem)
{
    const struct place *place = context;
    output_problem(&place->job->out, place->path, problem);
}

bool check_name(struct check_job *job, const char *path, const char *text, struct careplan_name *name,
                bool *said)
{
    struct place place = {job, path};
    const struct check_output *out = &job->out;
    uint64_t before = out->errors + out->warnings;
    enum careplan_name_class class = careplan_name_parse(job->standard, text, name, put, &place);
    *said = out->errors + out->warnings > before;
    return class == CAREPLAN_NAME_TRANSFER;
}

int check_open(struct check_job *job, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    if (fd < 0) {
        check_cannot(job, path, errno);
        return -1;
    }
    close(fd);
    job->cannot = true;
    output_say(&job->out, "file", path, "is neither a file nor a folder");
    return -1;
}

/* The content of `fd`, piece by piece. 0 or negative errno. */
static int feed(struct check_job *job, struct careplan_check *check, int fd)
{
    autofree uint8_t *piece = malloc(PIECE);
    if (!piece)
        return -ENOMEM;
    for (;;) {
        ssize_t n = read(fd, piece, PIECE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        int r = careplan_check_write(check, piece, (size_t)n);
        if (r < 0)
            return r;
        job->bytes += (uint64_t)n;
        progress_show(&job->out.progress, job->done, job->out.files, job->bytes);
    }
}

bool check_content(struct check_job *job, const char *path, int fd, const struct careplan_name *name,
                   struct careplan_check_result *result)
{
    struct place place = {job, path};
    struct check_output *out = &job->out;
    uint64_t errors = out->errors, warnings = out->warnings;
    with_cleanup(autocheck) struct careplan_check *check =
        careplan_check_new(name, &job->options, put, &place);
    int r = check ? feed(job, check, fd) : -ENOMEM;
    if (r == 0)
        r = careplan_check_finish(check, result);
    job->done++;
    progress_show(&out->progress, job->done, out->files, job->bytes);
    if (r < 0) {
        check_cannot(job, path, -r);
        return false;
    }
    /* Those beyond the reported ones decide the exit status too. */
    out->errors = errors + result->errors;
    out->warnings = warnings + result->warnings;
    output_more(out, path, result->not_reported);
    return true;
}

/* Judges `fd` as a file of the name `text`. */
static void check_named(struct check_job *job, const char *path, const char *text, int fd)
{
    struct careplan_name name;
    with_cleanup(careplan_check_result_free) struct careplan_check_result result = {0};
    bool said;
    job->out.files++;
    if (check_name(job, path, text, &name, &said))
        check_content(job, path, fd, &name, &result);
    else if (!said)
        output_unknown_name(&job->out, path, text);
}

void check_file(struct check_job *job, const char *path)
{
    const char *slash = strrchr(path, '/');
    autoclose int fd = check_open(job, path);
    if (fd >= 0)
        check_named(job, path, slash ? slash + 1 : path, fd);
}

void check_input(struct check_job *job, const char *name)
{
    check_named(job, "-", name, STDIN_FILENO);
}
