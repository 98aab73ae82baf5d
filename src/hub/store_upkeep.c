/* What goes after its time, in pieces so small that nobody waits for them. */
#include "hub/store_private.h"

enum { SWEEP_CONTENTS = 16, SWEEP_PARTS = 64 };

/* One abandoned upload; false: none. */
static bool drop_upload(struct connection_db *db, struct store_sweep *call)
{
    int64_t content =
        db_number(db, -1, "SELECT content FROM uploads WHERE touched < ? LIMIT 1", "i", call->uploads_before);
    if (content < 0 || db->failure)
        return false;
    call->uploads++;
    return !db_execute(db, "INSERT INTO dropped(content) VALUES(?)", "i", content) &&
           !db_execute(db, "DELETE FROM uploads WHERE content = ?", "i", content);
}

/* The contents of one message that its recipient has had for long enough. What proves it stays. */
static bool drop_message(struct connection_db *db, struct store_sweep *call)
{
    int64_t message =
        db_number(db, -1, "SELECT message FROM messages WHERE received < ? AND content IS NOT NULL LIMIT 1",
                  "i", call->received_before);
    if (message < 0 || db->failure)
        return false;
    call->contents++;
    return !db_execute(db, "INSERT INTO dropped(content) SELECT content FROM messages WHERE message = ?", "i",
                       message) &&
           !db_execute(db, "UPDATE messages SET content = NULL WHERE message = ?", "i", message);
}

static bool drop_parts(struct connection_db *db)
{
    int64_t content = db_number(db, -1, "SELECT content FROM dropped LIMIT 1", "");
    if (content < 0 || db->failure)
        return false;
    if (db_execute(
            db,
            "DELETE FROM parts WHERE part IN (SELECT part FROM parts WHERE part >= ? AND part < ? LIMIT ?)",
            "iii", PART_KEY(content, 0), PART_KEY(content + 1, 0), (int64_t)SWEEP_PARTS))
        return false;
    return sqlite3_changes(db->handle) == SWEEP_PARTS ||
           !db_execute(db, "DELETE FROM dropped WHERE content = ?", "i", content);
}

static int run_sweep(struct connection_db *db, struct store_job *job)
{
    struct store_sweep *call = (struct store_sweep *)job;
    call->more = false;
    for (int i = 0; i < SWEEP_CONTENTS && (drop_upload(db, call) || drop_message(db, call)); i++)
        call->more = true;
    if (drop_parts(db))
        call->more = true;
    if (!db->failure && !call->more)
        db_execute(db, "PRAGMA incremental_vacuum(2000)", "");
    return db->failure;
}

void store_sweep(struct store *s, struct store_sweep *call)
{
    store_submit(s, STORE_WRITE, &call->job, run_sweep);
}

static int run_ping(struct connection_db *db, struct store_job *job)
{
    struct store_ping *call = (struct store_ping *)job;
    call->offices = db_number(db, 0, "SELECT count(*) FROM offices", "");
    call->messages = db_number(db, 0, "SELECT max(message) FROM messages", "");
    return db->failure;
}

void store_ping(struct store *s, struct store_ping *call)
{
    store_submit(s, STORE_READ, &call->job, run_ping);
}
