/* Enrolment of an office at a hub by EST (RFC 7030), for `careplanctl enrol`. */
#ifndef LINK_ENROL_H
#define LINK_ENROL_H

#include <stdint.h>

#include "careplan/error.h"
#include "careplan/office.h"

struct enrol_request {
    const char *hub_url, *ca_file;
    struct office_id office;
    const char *token;
    const char *state_dir; /* exists, 0700, belongs to the caller */
};
/* Makes the key in state_dir (office.key, 0600; a key of an interrupted enrolment is used again), fetches the
 * certificate, checks it, and writes office.pem (leaf, issuing CA) durably; an older pair goes to
 * state_dir/retired/. On any error nothing that was in force changes. 0 or negative with one clear line. */
int enrol_office(const struct enrol_request *request, struct error *e);

/* Is the hub reachable, and what time has it? For doctor: seconds the own clock is ahead. */
int enrol_probe(const char *hub_url, const char *ca_file, const char *state_dir, int64_t *clock_ahead_ms,
                struct error *e);

#endif
