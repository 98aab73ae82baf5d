/* Writes a small file of the standard: one plan that is withdrawn (DLTPLAN), then reads it again.
 *
 *     cc make.c $(pkg-config --cflags --libs careplan) -o make
 *     ./make
 *
 * The name of the file is made from its parts; it stands on standard output. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <careplan/record.h>

/* A careplan_write_fn. */
static int write_file(void *context, const void *data, size_t length)
{
    return fwrite(data, 1, length, context) == length ? 0 : -EIO;
}

static int write_record(struct careplan_writer *w, const char *insured_no)
{
    static const char *const items[][2] = {{"insurer_no", "039999"}, {"delete_target_ym", "202504"}};
    int r = careplan_writer_set(w, "insured_no", insured_no);
    for (size_t i = 0; i < sizeof items / sizeof *items && r == 0; i++)
        r = careplan_writer_set(w, items[i][0], items[i][1]);
    return r ? r : careplan_writer_end_record(w);
}

static int write_records(const struct careplan_kind *kind, FILE *file)
{
    struct careplan_writer *w = careplan_writer_new(kind, NULL, write_file, file);
    if (!w)
        return -ENOMEM;
    int r = write_record(w, "0000000101");
    if (r == 0)
        r = write_record(w, "H000000102");
    if (r == 0)
        r = careplan_writer_finish(w);
    if (r < 0)
        fprintf(stderr, "record %" PRIu64 ": %s\n", careplan_writer_fault(w)->record,
                careplan_writer_fault(w)->reason);
    careplan_writer_free(w);
    return r;
}

/* A careplan_record_fn. */
static int print_record(void *context, const struct careplan_record *record)
{
    char number[16];
    (void)context;
    if (careplan_record_faults(record))
        return -EBADMSG;
    ptrdiff_t length = careplan_record_get(record, "insured_no", number, sizeof number);
    if (length < 0 || (size_t)length >= sizeof number)
        return -EBADMSG;
    printf("line %" PRIu64 ": %s\n", careplan_record_line(record), number);
    return 0;
}

static int read_records(const struct careplan_kind *kind, FILE *file)
{
    char piece[4096];
    struct careplan_reader *reader = careplan_reader_new(kind, NULL, print_record, NULL);
    if (!reader)
        return -ENOMEM;
    int r = 0;
    for (size_t n; r == 0 && (n = fread(piece, 1, sizeof piece, file)) > 0;)
        r = careplan_reader_write(reader, piece, n);
    if (r == 0)
        r = ferror(file) ? -EIO : careplan_reader_finish(reader);
    careplan_reader_free(reader);
    return r;
}

int main(void)
{
    struct careplan_name name = {.kind = careplan_kind_find(NULL, "202407", "DLTPLAN"),
                                 .month = "202504",
                                 .sender_number = "0300000100",
                                 .sender_service = "43",
                                 .recipient_number = "0300000005",
                                 .recipient_service = "11",
                                 .sequence = "20250507110500"};
    if (!name.kind || careplan_name_make(&name, NULL, NULL) < 0) {
        fprintf(stderr, "no such name\n");
        return 1;
    }
    FILE *file = fopen(name.canonical, "w+b");
    if (!file) {
        perror(name.canonical);
        return 1;
    }
    int r = write_records(name.kind, file);
    rewind(file);
    if (r == 0)
        r = read_records(name.kind, file);
    if (fclose(file) != 0 || r < 0) {
        fprintf(stderr, "%s: %s\n", name.canonical, strerror(r < 0 ? -r : errno));
        return 1;
    }
    printf("%s\n", name.canonical);
    return 0;
}
