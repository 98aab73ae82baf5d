/* Everything of a request that the hub reads itself: path, query, header values, bodies. The first byte says
 * which; what is taken must keep its promises. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "hub/config.h"
#include "hub/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int good)
{
    if (!good)
        abort();
}

static void message(const uint8_t *data, size_t size, bool commit)
{
    struct form_message m;
    struct error e;
    if (form_message_read(data, size, commit, &m, &e))
        return;
    must(m.statement.length && m.statement.length <= ENVELOPE_STATEMENT_MAX);
    must(m.header.length && m.header.length <= ENVELOPE_HEADER_MAX);
    must(m.statement.data >= data && m.header.data + m.header.length <= data + size);
    must(commit ? !m.ciphertext.length : m.ciphertext.data + m.ciphertext.length == data + size);
}

static void query(const char *text)
{
    char value[16];
    int64_t n = 5;
    struct error e;
    if (form_query_value(text, "after", value, sizeof value) > 0)
        must(strlen(value) < sizeof value);
    if (form_query_number(text, "wait", 0, 60, &n, &e) == 0)
        must(n >= 0 && n <= 60);
}

static void range(const char *text, uint64_t size)
{
    uint64_t first, last;
    if (form_range_read(text, size, &first, &last) == FORM_RANGE_ONE)
        must(first <= last && last < size);
}

static void path(const char *text)
{
    struct form_path p;
    form_path_read(text, &p);
    must(p.route != ROUTE_PART || p.part <= FORM_PART_NUMBER_MAX);
    must(p.route != ROUTE_RECEIPT || p.kind != RECEIPT_ACCEPTED);
}

static void base64(const uint8_t *data, size_t size)
{
    autobuffer b = {.limit = 16384};
    if (!form_base64_read(data, size, 16384, &b))
        return;
    must(b.length <= 16384);
    autofree char *text = form_base64(b.data, b.length);
    autobuffer again = {.limit = 16384};
    must(text && form_base64_read((const uint8_t *)text, strlen(text), 16384, &again) &&
         again.length == b.length);
    must(!b.length || memcmp(again.data, b.data, b.length) == 0);
}

static void basic(const char *text)
{
    struct office_id user;
    char token[FORM_TOKEN_MAX + 1];
    if (form_basic_read(text, &user, token))
        must(strlen(token) >= 1 && strlen(token) <= FORM_TOKEN_MAX && strlen(user.text) == OFFICE_ID_LENGTH);
}

static void configuration(const char *text)
{
    struct hub_config c;
    struct error e;
    if (hub_config_read("hub.conf", text, &c, &e) == 0)
        must(c.connections >= 1 && *c.listen && *c.name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint8_t which = data[0];
    data++;
    size--;
    autofree char *text = malloc(size + 1);
    must(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    switch (which % 9) {
    case 0:
    case 1:
        message(data, size, which % 9 == 1);
        break;
    case 2:
        path(text);
        break;
    case 3:
        query(text);
        break;
    case 4:
        range(text, which);
        break;
    case 5:
        base64(data, size);
        break;
    case 6:
        basic(text);
        break;
    case 7:
        form_media_type(text, "application/cms");
        form_office_name(text);
        form_municipality(text);
        break;
    default:
        configuration(text);
    }
    return 0;
}
