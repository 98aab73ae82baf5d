#include "control/control_answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static char *to_line(json_t *answer)
{
    autofree char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
    json_decref(answer);
    size_t n = text ? strlen(text) : 0;
    char *line = text ? realloc(text, n + 2) : NULL;
    if (!line)
        return NULL;
    text = NULL;
    line[n] = '\n';
    line[n + 1] = '\0';
    return line;
}

char *control_answer_error(const char *code, const char *text)
{
    return to_line(json_pack("{s:b, s:s, s:s}", "ok", 0, "code", code, "text", text));
}

static char *call_status(const struct control_handlers *h)
{
    json_t *answer = json_pack("{s:b}", "ok", 1);
    if (answer && h->status(h->context, answer)) {
        json_decref(answer);
        return control_answer_error("control-status", "the daemon cannot tell its state");
    }
    return to_line(answer);
}

static char *call_resend(const struct control_handlers *h, const json_t *call)
{
    const char *message = json_string_value(json_object_get(call, "message"));
    if (!message)
        return control_answer_error("control-call", "resend needs a message");
    struct error e = {0};
    if (h->resend(h->context, message, &e))
        return control_answer_error(e.code[0] ? e.code : "control-resend", e.text[0] ? e.text : "not done");
    return to_line(json_pack("{s:b}", "ok", 1));
}

char *control_answer(const struct control_handlers *handlers, const char *line, size_t length)
{
    json_t *call = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
    const char *name = json_string_value(json_object_get(call, "call"));
    char *answer = NULL;
    if (!name)
        answer = control_answer_error("control-call", "not a JSON object with a \"call\"");
    else if (strcmp(name, "status") == 0)
        answer = call_status(handlers);
    else if (strcmp(name, "resend") == 0)
        answer = call_resend(handlers, call);
    else
        answer = control_answer_error("control-call", "unknown call");
    json_decref(call);
    return answer;
}
