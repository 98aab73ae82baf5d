/* Records of an UPPLAN as software writes them, made up one after the other. */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include <stddef.h>
#include <stdint.h>

#define ROWS_NAME "UPPLAN_202504_0300000100_43_0300000005_11_20250325102000.CSV"

enum { ROW_SIZE = 256 };

struct rows {
    unsigned
        users; /* user by user, a month of visits each, then from the first again; 0: no user comes twice */
    uint64_t next;
};

/* The next record; returns its length. No record comes twice. */
size_t rows_next(struct rows *r, char out[ROW_SIZE]);

#endif
