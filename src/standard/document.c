/* Documents are not the standard's: only their first bytes are looked at. */
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "careplan/standard.h"
#include "standard/product.h"

#define ZIP "PK\x03\x04"
/* What Excel and Word make of a document that is saved with a password. */
#define COMPOUND "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"

static const struct {
    const char *extension, *first, *other;
} documents[] = {
    {"pdf", "%PDF-", NULL},         {"jpg", "\xFF\xD8\xFF", NULL},
    {"jpeg", "\xFF\xD8\xFF", NULL}, {"png", "\x89PNG\r\n\x1A\n", NULL},
    {"xlsx", ZIP, COMPOUND},        {"docx", ZIP, COMPOUND},
};

static bool begins(const void *first, size_t length, const char *with)
{
    return with && length >= strlen(with) && memcmp(first, with, strlen(with)) == 0;
}

bool document_known(const char *extension)
{
    for (size_t i = 0; i < ARRAY_LENGTH(documents); i++)
        if (strcasecmp(documents[i].extension, extension) == 0)
            return true;
    return false;
}

bool document_matches(const char *extension, const void *first, size_t length)
{
    for (size_t i = 0; i < ARRAY_LENGTH(documents); i++)
        if (strcasecmp(documents[i].extension, extension) == 0)
            return begins(first, length, documents[i].first) || begins(first, length, documents[i].other);
    return false;
}
