#include "envelope/der.h"

#include <string.h>
#include <openssl/objects.h>

/* Length of the element at `d` with its tag and length bytes; 0: none that DER allows. */
static size_t element_size(const struct der *d, unsigned tag, size_t *head)
{
    if (d->left < 2 || d->at[0] != tag)
        return 0;
    size_t length = d->at[1], digits = 0;
    if (length >= 0x80) {
        digits = length & 0x7F;
        if (digits < 1 || digits > 4 || d->left < 2 + digits || d->at[2] == 0)
            return 0;
        length = 0;
        for (size_t i = 0; i < digits; i++)
            length = length << 8 | d->at[2 + i];
        if (length < 0x80)
            return 0;
    }
    *head = 2 + digits;
    return length <= d->left - *head ? *head + length : 0;
}

bool der_take_whole(struct der *d, unsigned tag, struct der *whole)
{
    size_t head, size = element_size(d, tag, &head);
    if (size == 0)
        return false;
    *whole = (struct der){d->at, size};
    d->at += size;
    d->left -= size;
    return true;
}

bool der_take(struct der *d, unsigned tag, struct der *content)
{
    size_t head, size = element_size(d, tag, &head);
    if (size == 0)
        return false;
    if (content)
        *content = (struct der){d->at + head, size - head};
    d->at += size;
    d->left -= size;
    return true;
}

bool der_next_is(const struct der *d, unsigned tag)
{
    return d->left > 0 && d->at[0] == tag;
}

bool der_take_number(struct der *d, uint8_t value)
{
    struct der number;
    return der_take(d, DER_INTEGER, &number) && number.left == 1 && number.at[0] == value;
}

bool der_take_oid(struct der *d, int *nid)
{
    struct der whole;
    if (!der_take_whole(d, DER_OID, &whole))
        return false;
    const unsigned char *p = whole.at;
    ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &p, (long)whole.left);
    *nid = object ? OBJ_obj2nid(object) : NID_undef;
    ASN1_OBJECT_free(object);
    return true;
}

bool der_take_algorithm(struct der *d, int *nid, struct der *parameters)
{
    return der_take(d, DER_SEQUENCE, parameters) && der_take_oid(parameters, nid);
}

bool der_null_parameters(struct der parameters)
{
    struct der nothing;
    return der_take(&parameters, DER_NULL, &nothing) && nothing.left == 0 && parameters.left == 0;
}

bool der_no_parameters(struct der parameters)
{
    return parameters.left == 0 || der_null_parameters(parameters);
}
