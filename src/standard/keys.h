/* What a check remembers of a file's records, to compare them with later ones: keys by the hash of their
 * texts, in the order in which they came. A table grows from small, and all tables of a check share one
 * number of keys (careplan_limits.keys), so that memory has a bound whatever the file is. */
#ifndef STANDARD_KEYS_H
#define STANDARD_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "standard/scanner.h"

struct key {
    uint64_t hash[2];
    uint64_t line; /* where it stands first */
    /* of the rule that made it, zero at first */
    uint32_t value;
    uint8_t rule, flags;
    uint8_t small[2];
};

struct keys {
    struct key **blocks;
    size_t n, n_blocks;
    uint32_t *slots; /* hash table of indexes */
    size_t n_slots, reach;
    size_t *left; /* keys that all tables of the check may still take */
};

/* The texts that make a key. */
struct key_text {
    uint8_t bytes[512];
    size_t length;
};

void key_text_begin(struct key_text *t, uint8_t rule, uint8_t part);
/* At most RECORD_ITEMS of them. */
void key_text_add(struct key_text *t, const struct scanned_item *item);
void key_text_hash(const struct key_text *t, uint64_t hash[2]);

enum key_found { KEY_KNOWN, KEY_NEW, KEY_FULL, KEY_NO_MEMORY };
/* Finds the key or enters it; *key is valid until the table is cleared. KEY_FULL: it is not there, and no
 * more can be remembered. */
enum key_found keys_put(struct keys *k, const uint64_t hash[2], struct key **key);
/* The key will be asked for soon. */
void keys_prefetch(const struct keys *k, const uint64_t hash[2]);
struct key *keys_at(const struct keys *k, size_t i);
/* Where a key of the table stands, for keys_at. */
size_t keys_place(const struct keys *k, const struct key *key);
/* Forgets all keys, whose number goes back to *left. */
void keys_clear(struct keys *k);
void keys_free(struct keys *k);

#endif
