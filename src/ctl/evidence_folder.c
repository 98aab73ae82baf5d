#include "ctl/evidence_folder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <openssl/evp.h>

#include "base/hex.h"

bool evidence_name_fits(const char *name)
{
    size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-");
    return n > 0 && n <= EVIDENCE_NAME_MAX && name[n] == '\0' && name[0] != '.' && name[0] != '-';
}

void evidence_receipt_name(enum receipt_kind kind, unsigned n, char out[EVIDENCE_NAME_MAX + 1])
{
    if (n > 1)
        snprintf(out, EVIDENCE_NAME_MAX + 1, "%s-%u.der", receipt_kind_name(kind), n);
    else
        snprintf(out, EVIDENCE_NAME_MAX + 1, "%s.der", receipt_kind_name(kind));
}

int evidence_sum_line(struct buffer *out, const struct hash256 *hash, const char *name)
{
    char hex[2 * ENVELOPE_HASH_SIZE + 1];
    hex_encode(hash->bytes, ENVELOPE_HASH_SIZE, hex);
    if (!strchr(name, '\\'))
        return buffer_printf(out, "%s  %s\n", hex, name);
    buffer_printf(out, "\\%s  ", hex);
    for (const char *p = name; *p; p++)
        buffer_append(out, *p == '\\' ? "\\\\" : p, *p == '\\' ? 2 : 1);
    return buffer_text(out, "\n");
}

int evidence_sum(const void *data, size_t length, struct hash256 *out)
{
    return EVP_Digest(data ? data : "", length, out->bytes, NULL, EVP_sha256(), NULL) == 1 ? 0 : -EIO;
}
