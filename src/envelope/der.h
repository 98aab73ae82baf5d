/* A strict reader of DER over borrowed bytes: definite and minimal lengths, tags of one byte, nothing beyond
 * the end. It exists because OpenSSL's own parsers take BER and forgive much, and the closed list of
 * protocol.md section 3 forgives nothing. Not public. */
#ifndef ENVELOPE_DER_H
#define ENVELOPE_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct der {
    const uint8_t *at;
    size_t left;
};

enum {
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_CONTEXT_0 = 0xA0, /* constructed */
    DER_CONTEXT_1 = 0xA1,
};

/* Takes the next element, which must have `tag`; `content` (may be NULL) receives what is inside. False
 * changes nothing. */
bool der_take(struct der *d, unsigned tag, struct der *content);

/* As der_take, but `whole` receives tag and length too. */
bool der_take_whole(struct der *d, unsigned tag, struct der *whole);

/* Whether the next element has `tag`. */
bool der_next_is(const struct der *d, unsigned tag);

/* Takes an INTEGER of exactly this small value. */
bool der_take_number(struct der *d, uint8_t value);

/* Takes an OBJECT IDENTIFIER and gives its NID; NID_undef when OpenSSL does not know it. False: no OID there.
 */
bool der_take_oid(struct der *d, int *nid);

/* Takes an AlgorithmIdentifier: its NID, and in `parameters` all that stands behind the OID (empty: absent).
 */
bool der_take_algorithm(struct der *d, int *nid, struct der *parameters);

/* Whether parameters are absent, or exactly NULL. RFC 5754 lets both stand for a hash. */
bool der_no_parameters(struct der parameters);
bool der_null_parameters(struct der parameters);

#endif
