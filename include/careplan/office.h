/* The identity of an office, NUMBER-SERVICE: 事業所番号 (10) and サービス種類コード (2), everywhere the same:
 * directory, certificate, routing, mailbox, folder. Design: docs/protocol.md, "Identity". */
#ifndef CAREPLAN_OFFICE_H
#define CAREPLAN_OFFICE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { OFFICE_ID_LENGTH = 13 }; /* "0300000100-43" */

struct office_id {
    char text[OFFICE_ID_LENGTH + 1]; /* canonical, upper case, NUL-terminated; "" = none */
};

/* Reads "[0-9A-Z]{10}-[0-9A-Z]{2}" of exactly `length` bytes. False: not an identity; `id` is then "". */
bool office_id_parse(struct office_id *id, const char *text, size_t length);

/* Joins a number (10) and a service type (2), both NUL-terminated. False: as above. */
bool office_id_join(struct office_id *id, const char *number, const char *service);

bool office_id_equal(const struct office_id *a, const struct office_id *b);

static inline const char *office_id_service(const struct office_id *id)
{
    return id->text[0] ? id->text + 11 : "";
}

#ifdef __cplusplus
}
#endif
#endif
