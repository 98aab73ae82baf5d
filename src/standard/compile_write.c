#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <string.h>

#include "standard/compile.h"

/* ---- C text ---- */

static void put_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (*p == '"' || *p == '\\')
            fprintf(out, "\\%c", *p);
        else if (*p >= 0x20 && *p < 0x7F && *p != '?') /* no trigraphs */
            fputc(*p, out);
        else
            fprintf(out, "\\%03o", *p);
    fputc('"', out);
}

static void put_texts(FILE *out, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fputs(i ? ", " : "", out);
        put_text(out, texts[i]);
    }
}

static const char *bool_text(bool value)
{
    return value ? "true" : "false";
}

/* "layout_202407_upplan" */
static void put_symbol(FILE *out, const struct careplan_layout *layout)
{
    fprintf(out, "layout_%s_", layout->version);
    for (const char *p = layout->kind; *p; p++)
        fputc(tolower((unsigned char)*p), out);
}

/* ---- Layouts ---- */

static const char *const types[] = {
    [ITEM_YM] = "ITEM_YM",
    [ITEM_YMD] = "ITEM_YMD",
    [ITEM_HHMM] = "ITEM_HHMM",
    [ITEM_DIGITS] = "ITEM_DIGITS",
    [ITEM_CODE] = "ITEM_CODE",
    [ITEM_INT] = "ITEM_INT",
    [ITEM_DECIMAL] = "ITEM_DECIMAL",
    [ITEM_TEXT] = "ITEM_TEXT",
    [ITEM_FLAGS31] = "ITEM_FLAGS31",
    [ITEM_POSTAL] = "ITEM_POSTAL",
    [ITEM_PHONE] = "ITEM_PHONE",
    [ITEM_INSURED_NO] = "ITEM_INSURED_NO",
    [ITEM_OFFICE_NO] = "ITEM_OFFICE_NO",
    [ITEM_UNUSED] = "ITEM_UNUSED",
};
static const char *const marks[] = {[REQUIRED_NO] = "REQUIRED_NO",
                                    [REQUIRED_YES] = "REQUIRED_YES",
                                    [REQUIRED_DOUBTFUL] = "REQUIRED_DOUBTFUL"};
static const char *const checks[RECORD_CHECKS] = {
#define X(name, least, most) [RECORD_##name] = "RECORD_" #name,
    RECORD_CHECK_LIST(X)
#undef X
};

static void put_values(FILE *out, const struct careplan_layout *layout, size_t i)
{
    const struct layout_item *item = &layout->items[i];
    if (item->n_values == 0)
        return;
    fputs("static const struct item_value ", out);
    put_symbol(out, layout);
    fprintf(out, "_values_%zu[] = {\n", i + 1);
    for (size_t k = 0; k < item->n_values; k++) {
        fputs("    {", out);
        put_texts(out, (const char *const[]){item->values[k].code, item->values[k].meaning}, 2);
        fputs("},\n", out);
    }
    fputs("};\n", out);
}

static void put_item(FILE *out, const struct careplan_layout *layout, size_t i)
{
    const struct layout_item *item = &layout->items[i];
    fputs("    {", out);
    put_texts(out, (const char *const[]){item->name_ja, item->name_en}, 2);
    fputs(", ", out);
    if (item->n_values) {
        put_symbol(out, layout);
        fprintf(out, "_values_%zu, ", i + 1);
    } else {
        fputs("NULL, ", out);
    }
    put_text(out, item->values_text);
    fprintf(out, ", %u, %u, %s, %s, %s, %s, %s, %s},\n", item->n_values, item->max, types[item->type],
            marks[item->required], bool_text(item->exact), bool_text(item->service_type),
            bool_text(item->any_code), bool_text(item->wide_hyphen));
}

static void put_rules(FILE *out, const struct careplan_layout *layout)
{
    if (layout->n_rules == 0)
        return;
    fputs("static const struct record_rule ", out);
    put_symbol(out, layout);
    fputs("_rules[] = {\n", out);
    for (size_t i = 0; i < layout->n_rules; i++) {
        const struct record_rule *rule = &layout->rules[i];
        fprintf(out, "    {%s, ", checks[rule->check]);
        put_text(out, rule->code);
        fputs(", {", out);
        for (size_t k = 0; k < rule->n_items; k++)
            fprintf(out, "%s%u", k ? ", " : "", rule->items[k]);
        fprintf(out, "}, %u, ", rule->n_items);
        put_text(out, rule->values);
        fputs("},\n", out);
    }
    fputs("};\n", out);
}

static void put_layout(FILE *out, const struct careplan_layout *layout)
{
    for (size_t i = 0; i < layout->n_items; i++)
        put_values(out, layout, i);
    fputs("static const struct layout_item ", out);
    put_symbol(out, layout);
    fputs("_items[] = {\n", out);
    for (size_t i = 0; i < layout->n_items; i++)
        put_item(out, layout, i);
    fputs("};\n", out);
    put_rules(out, layout);
    fputs("static const struct careplan_layout ", out);
    put_symbol(out, layout);
    fputs(" = {", out);
    put_texts(out, (const char *const[]){layout->version, layout->kind}, 2);
    fputs(", ", out);
    put_symbol(out, layout);
    fprintf(out, "_items, %zu, ", layout->n_items);
    if (layout->n_rules) {
        put_symbol(out, layout);
        fputs("_rules", out);
    } else {
        fputs("NULL", out);
    }
    fprintf(out, ", %zu, %d, %s};\n", layout->n_rules, layout->month_item, bool_text(layout->month_may_zero));
}

/* ---- The other tables ---- */

static void put_versions(FILE *out, const struct careplan_standard *s)
{
    fputs("static const struct careplan_version table_versions[] = {\n", out);
    for (size_t i = 0; i < s->n_versions; i++) {
        const struct careplan_version *v = &s->versions[i];
        fputs("    {", out);
        put_texts(
            out,
            (const char *const[]){v->name, v->name_ja, v->applies_from, v->applies_until, v->replaced_by}, 5);
        fprintf(out, ", %s, %s},\n", bool_text(v->services_in_name), bool_text(v->preventive));
    }
    fputs("};\n", out);
}

static void put_kinds(FILE *out, const struct careplan_standard *s)
{
    for (size_t i = 0; i < s->n_kinds; i++)
        if (s->kinds[i].layout)
            put_layout(out, s->kinds[i].layout);
    fputs(
        "static const struct careplan_standard table_standard;\nstatic const struct careplan_kind table_kinds[] = "
        "{\n",
        out);
    for (size_t i = 0; i < s->n_kinds; i++) {
        const struct careplan_kind *k = &s->kinds[i];
        fprintf(out, "    {&table_versions[%td], ", k->version - s->versions);
        put_texts(out, (const char *const[]){k->name, k->name_ja}, 2);
        fprintf(out, ", %s, %s, %s, %s, ", bool_text(k->month_in_name), bool_text(k->image),
                bool_text(k->main_file), bool_text(k->deletion));
        fputs(k->layout ? "&" : "NULL", out);
        if (k->layout)
            put_symbol(out, k->layout);
        fputs(", &table_standard},\n", out);
    }
    fputs("};\n", out);
}

static void put_words(FILE *out, const struct careplan_standard *s)
{
    fputs("static const struct kind_words table_kind_words[] = {\n", out);
    for (size_t i = 0; i < s->n_words; i++) {
        const struct kind_words *w = &s->words[i];
        fputs("    {", out);
        put_texts(out, (const char *const[]){w->kind, w->title_ja, w->title_en}, 3);
        fprintf(out, ", %s},\n", bool_text(w->main));
    }
    fputs("};\n", out);
}

static void put_sources(FILE *out, const struct careplan_standard *s)
{
    fputs("static const struct record_source table_records[] = {\n", out);
    for (size_t i = 0; i < s->n_sources; i++) {
        const struct record_source *r = &s->sources[i];
        fputs("    {", out);
        put_text(out, r->kinds);
        fprintf(out, ", %s, ", checks[r->check]);
        put_texts(out, (const char *const[]){r->code, r->items, r->values}, 3);
        fputs("},\n", out);
    }
    fputs("};\n", out);
}

static void put_parts(FILE *out, const char *const parts[UNIT_PARTS])
{
    size_t n = 0;
    while (n < UNIT_PARTS && parts[n])
        n++;
    fputs(", {", out);
    put_texts(out, parts, n);
    fputs(n ? "}" : "NULL}", out);
}

static void put_units(FILE *out, const struct careplan_standard *s)
{
    fputs("static const struct unit_pattern table_units[] = {\n", out);
    for (size_t i = 0; i < s->n_units; i++) {
        const struct unit_pattern *u = &s->units[i];
        fputs("    {", out);
        put_texts(out, (const char *const[]){u->version, u->main}, 2);
        put_parts(out, u->needs);
        put_parts(out, u->subs);
        fprintf(out, ", %s},\n", bool_text(u->images));
    }
    fputs("};\n", out);
}

static void put_services(FILE *out, const struct careplan_standard *s)
{
    fputs("static const struct service_type table_services[] = {\n", out);
    for (size_t i = 0; i < s->n_services; i++) {
        const struct service_type *t = &s->services[i];
        fputs("    {", out);
        put_text(out, t->code);
        fprintf(out, ", %s, %s, %s, ", bool_text(t->linked), bool_text(t->care), bool_text(t->preventive));
        put_text(out, t->name_ja);
        fputs("},\n", out);
    }
    fputs("};\n", out);
}

static void put_flows(FILE *out, const struct careplan_standard *s)
{
    fputs("static const struct flow table_flows[] = {\n", out);
    for (size_t i = 0; i < s->n_flows; i++) {
        fputs("    {", out);
        put_text(out, s->flows[i].kind);
        fprintf(out, ", %s, %u, %u},\n", bool_text(s->flows[i].preventive_table), s->flows[i].output,
                s->flows[i].import);
    }
    fputs("};\n", out);
}

static void put_roles(FILE *out, const struct careplan_standard *s)
{
    static const char *const certain[] = {[ROLE_STATED] = "ROLE_STATED",
                                          [ROLE_NOT_EXCLUDED] = "ROLE_NOT_EXCLUDED",
                                          [ROLE_KNOWN] = "ROLE_KNOWN"};
    fputs("static const struct role table_roles[] = {\n", out);
    for (size_t i = 0; i < s->n_roles; i++) {
        const struct role *r = &s->roles[i];
        fputs("    {", out);
        put_text(out, r->service);
        fprintf(out, ", %u, %s, ", r->role, certain[r->certain]);
        put_text(out, r->imports);
        fputs("},\n", out);
    }
    fputs("};\n", out);
}

static void put_standard(FILE *out, const struct careplan_standard *s)
{
    put_versions(out, s);
    put_kinds(out, s);
    put_words(out, s);
    put_sources(out, s);
    put_units(out, s);
    put_services(out, s);
    put_flows(out, s);
    put_roles(out, s);
    fprintf(
        out,
        "static const struct careplan_standard table_standard = {\n"
        "    .versions = table_versions, .n_versions = %zu, .kinds = table_kinds, .n_kinds = %zu,\n"
        "    .words = table_kind_words, .n_words = %zu, .sources = table_records, .n_sources = %zu,\n"
        "    .units = table_units, .n_units = %zu, .services = table_services, .n_services = %zu,\n"
        "    .flows = table_flows, .n_flows = %zu, .roles = table_roles, .n_roles = %zu};\n"
        "const struct careplan_standard *careplan_standard_builtin(void)\n{\n    return &table_standard;\n}\n",
        s->n_versions, s->n_kinds, s->n_words, s->n_sources, s->n_units, s->n_services, s->n_flows,
        s->n_roles);
}

static void put_catalogue(FILE *out, const struct standard_catalogue *catalogue)
{
    fputs("static const struct careplan_rule table_rules[] = {\n", out);
    for (size_t i = 0; i < catalogue->n; i++) {
        const struct careplan_rule *r = &catalogue->rules[i];
        fputs("    {", out);
        put_texts(out, (const char *const[]){r->code, r->rule}, 2);
        fprintf(out, ", %s, ", r->severity == CAREPLAN_ERROR ? "CAREPLAN_ERROR" : "CAREPLAN_WARNING");
        put_texts(out,
                  (const char *const[]){r->message_ja, r->message_en, r->remedy_ja, r->remedy_en, r->source},
                  5);
        fprintf(out, ", %s},\n", bool_text(r->fixed));
    }
    fprintf(out,
            "};\nsize_t careplan_rules(void)\n{\n    return %zu;\n}\n"
            "const struct careplan_rule *careplan_rule_at(size_t i)\n{\n"
            "    return i < %zu ? &table_rules[i] : NULL;\n}\n",
            catalogue->n, catalogue->n);
}

/* ---- MS932, by the C library ---- */

/* 0: not a character. */
static unsigned ms932_character(iconv_t convert, unsigned lead, unsigned trail)
{
    char in[2] = {(char)lead, (char)trail}, *from = in;
    unsigned char out[8];
    char *to = (char *)out;
    size_t left = sizeof in, room = sizeof out;
    bool gaiji = lead >= 0xF0 && lead <= 0xF9;
    iconv(convert, NULL, NULL, NULL, NULL);
    if (gaiji || iconv(convert, &from, &left, &to, &room) == (size_t)-1 || left || room != sizeof out - 2)
        return 0;
    return (unsigned)out[0] << 8 | out[1];
}

static int put_ms932(FILE *out)
{
    enum { A_LINE = 24 };
    iconv_t convert = iconv_open("UTF-16BE", "CP932");
    if (convert == (iconv_t)-1)
        return -errno;
    size_t n = 0;
    fputs("const uint16_t table_ms932[60 * MS932_COLUMNS] = {", out);
    for (unsigned lead = 0x81; lead <= 0xFC; lead = lead == 0x9F ? 0xE0 : lead + 1)
        for (unsigned trail = 0x40; trail <= 0xFC; trail++, n++)
            fprintf(out, "%s%u,", n % A_LINE ? " " : "\n    ", ms932_character(convert, lead, trail));
    fputs("\n};\n", out);
    iconv_close(convert);
    return 0;
}

int compile_write(FILE *out, const struct careplan_standard *s, const struct standard_catalogue *catalogue)
{
    fputs("/* Made by compile.c from the TSV files of src/standard. */\n#include \"standard/layout.h\"\n\n",
          out);
    put_standard(out, s);
    put_catalogue(out, catalogue);
    return put_ms932(out);
}
