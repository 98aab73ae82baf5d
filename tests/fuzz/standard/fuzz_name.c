/* Names of transfer files from arbitrary bytes. What must hold: a name that fits is the same whatever its
 * case, and its canonical form is a fixed point; who is expected to send is allowed to; one that does not fit
 * leaves nothing behind; whatever is said about it has a rule and texts in one line. */
#include <stdlib.h>
#include <string.h>

#include "careplan/standard.h"
#include "standard/layout.h"
#include "text.h"

enum { NAME_SIZE = 600 };

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void said(void *context, const struct careplan_problem *p)
{
    require(careplan_rule_find(p->code) && strcmp(p->rule, "file_name") == 0 && p->line == 0 &&
            p->column == 0);
    require(text_is_sentence(p->message_ja) && text_is_sentence(p->message_en));
    require(text_is_sentence(p->remedy_ja) && text_is_sentence(p->remedy_en));
    ++*(size_t *)context;
}

static void change_case(char *text, bool lower)
{
    for (; *text; text++) {
        if (lower && *text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
        else if (!lower && *text >= 'a' && *text <= 'z')
            *text = (char)(*text - 'a' + 'A');
    }
}

static void same(const struct careplan_name *a, const struct careplan_name *b)
{
    require(a->kind == b->kind && strcmp(a->month, b->month) == 0 && strcmp(a->sequence, b->sequence) == 0);
    require(strcmp(a->sender_number, b->sender_number) == 0 &&
            strcmp(a->sender_service, b->sender_service) == 0);
    require(strcmp(a->recipient_number, b->recipient_number) == 0 &&
            strcmp(a->recipient_service, b->recipient_service) == 0);
    require(strcmp(a->image_number, b->image_number) == 0 && strcmp(a->canonical, b->canonical) == 0);
}

static bool in_scope(const struct careplan_kind *kind, const char *service)
{
    const struct service_type *type = service_type_find(kind->standard, service, strlen(service));
    return !type || type->linked;
}

static void flow_check(const struct careplan_name *n)
{
    if (!n->kind->version->services_in_name ||
        !flow_expected(n->kind, n->sender_service, n->recipient_service))
        return;
    require(careplan_flow_allowed(n->kind, n->sender_service, n->recipient_service));
    require(careplan_flow_may_send(n->kind, n->sender_service) == in_scope(n->kind, n->sender_service));
    require(careplan_flow_may_receive(n->kind, n->recipient_service) ==
            in_scope(n->kind, n->recipient_service));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    char name[NAME_SIZE] = "", lower[NAME_SIZE], upper[NAME_SIZE];
    struct careplan_name parsed, again;
    size_t problems = 0;
    if (length >= sizeof name)
        return 0;
    if (length)
        memcpy(name, data, length);
    if (careplan_name_parse(NULL, name, &parsed, said, &problems) == CAREPLAN_NAME_OTHER) {
        require(parsed.kind == NULL && parsed.canonical[0] == '\0' && parsed.sequence[0] == '\0');
        return 0;
    }
    require(problems == 0 && parsed.kind && strlen(parsed.sequence) == 14);
    require(strlen(parsed.sender_number) == 10 && strlen(parsed.recipient_number) == 10);
    require((parsed.month[0] != '\0') == parsed.kind->month_in_name);
    require((parsed.image_number[0] != '\0') == parsed.kind->image);
    flow_check(&parsed);
    memcpy(lower, name, sizeof name);
    memcpy(upper, name, sizeof name);
    change_case(lower, true);
    change_case(upper, false);
    require(strcmp(parsed.canonical, upper) == 0);
    require(careplan_name_parse(NULL, lower, &again, NULL, NULL) == CAREPLAN_NAME_TRANSFER);
    same(&parsed, &again);
    require(careplan_name_parse(NULL, parsed.canonical, &again, NULL, NULL) == CAREPLAN_NAME_TRANSFER);
    same(&parsed, &again);
    return 0;
}
