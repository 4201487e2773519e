#include "queue/journal_sql.h"

#include <sys/stat.h>

/* Lines that are looked at in one call: some recipients get a mail a minute, and what else shares a key is rare. */
enum { MAX_SEEN = 100000 };

#define COLUMNS "at_ms, event, id, sender, recipient, message_id, remote_id, account, call, dsn, text, digest, lines.row"

bool
journal_store_since(JournalStore *self, const char *event, gint64 since_ms, JournalVisit visit, void *user,
                    GError **error)
{
    sqlite3_stmt *statement = journal_sql_prepare(self, JOURNAL_SINCE,
        "SELECT " COLUMNS " FROM lines WHERE at_ms >= ? AND event = ? ORDER BY at_ms, row");
    int step = SQLITE_ERROR;

    if (!statement)
        return journal_sql_fail(self, error);
    sqlite3_bind_int64(statement, 1, since_ms);
    sqlite3_bind_text(statement, 2, event, -1, SQLITE_STATIC);
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
        JournalLine line;
        gint64 row = journal_sql_line(statement, &line);
        visit(&line, row, user);
    }
    if (step != SQLITE_DONE)
        journal_sql_fail(self, error);
    sqlite3_reset(statement);
    return step == SQLITE_DONE;
}

bool
journal_store_after(JournalStore *self, const JournalPage *page, JournalVisit visit, void *user, GError **error)
{
    sqlite3_stmt *statement = journal_sql_prepare(self, JOURNAL_AFTER,
        "SELECT " COLUMNS " FROM lines WHERE row > ? AND instr(?, ' ' || event || ' ') > 0"
        " ORDER BY row LIMIT ?");
    int step = SQLITE_ERROR;

    if (!statement)
        return journal_sql_fail(self, error);
    sqlite3_bind_int64(statement, 1, page->after);
    sqlite3_bind_text(statement, 2, page->id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, page->max);
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
        JournalLine line;
        gint64 row = journal_sql_line(statement, &line);
        visit(&line, row, user);
    }
    if (step != SQLITE_DONE)
        journal_sql_fail(self, error);
    sqlite3_reset(statement);
    return step == SQLITE_DONE;
}

bool
journal_store_last(JournalStore *self, gint64 *row, GError **error)
{
    return journal_sql_number(self, "SELECT coalesce(max(row), 0) FROM lines", row, error);
}

/* Visits the lines with a key until visit returns false. */
typedef struct {
    const char *order; /* the statement */
    gint64 from;       /* row, exclusive */
    bool (*visit)(const JournalLine *line, gint64 row, void *user);
    void *user;
} Walk;

static bool
walk_key(JournalStore *self, const Walk *walk, gint64 key, GError **error)
{
    sqlite3_stmt *statement = NULL;
    int step = SQLITE_ERROR;
    bool more = true;

    if (sqlite3_prepare_v2(self->db, walk->order, -1, &statement, NULL) != SQLITE_OK)
        return journal_sql_fail(self, error);
    sqlite3_bind_int64(statement, 1, key);
    sqlite3_bind_int64(statement, 2, walk->from);
    for (guint seen = 0; more && seen < MAX_SEEN && (step = sqlite3_step(statement)) == SQLITE_ROW; seen++) {
        JournalLine line;
        gint64 row = journal_sql_line(statement, &line);
        more = walk->visit(&line, row, walk->user);
    }
    if (step != SQLITE_DONE && step != SQLITE_ROW)
        journal_sql_fail(self, error);
    sqlite3_finalize(statement);
    return step == SQLITE_DONE || step == SQLITE_ROW;
}

typedef struct {
    const char *what;
    guint max;
    GHashTable *seen; /* ids, owned by mails */
    GPtrArray *mails;
    bool more;
} MailSearch;

static bool
add_mail(const JournalLine *line, gint64 row, void *user)
{
    MailSearch *search = user;

    if (!line->id || !journal_line_fits(line, search->what) || g_hash_table_contains(search->seen, line->id))
        return true;
    search->more = search->mails->len == search->max;
    if (search->more)
        return false;
    g_ptr_array_add(search->mails, g_strdup(line->id));
    g_hash_table_add(search->seen, search->mails->pdata[search->mails->len - 1]);
    return true;
}

GPtrArray *
journal_store_mails(JournalStore *self, const char *what, guint max, bool *more, GError **error)
{
    g_autoptr(GPtrArray) mails = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    MailSearch search = { what, max, seen, mails, false };
    Walk walk = { "SELECT " COLUMNS " FROM keys JOIN lines ON lines.row = keys.row WHERE hash = ? AND keys.row < ?"
                  " ORDER BY keys.row DESC", G_MAXINT64, add_mail, &search };
    gint64 keys[JOURNAL_WORDS];
    guint n = journal_word_keys(what, keys);

    for (guint i = 0; i < n; i++)
        if (!walk_key(self, &walk, keys[i], error))
            return NULL;
    *more = search.more;
    return g_steal_pointer(&mails);
}

typedef struct {
    const JournalPage *page;
    JournalVisit visit;
    void *user;
    guint n;
} LineSearch;

static bool
add_line(const JournalLine *line, gint64 row, void *user)
{
    LineSearch *search = user;

    if (g_strcmp0(line->id, search->page->id) != 0 || g_strcmp0(line->event, JOURNAL_WATCHED) == 0)
        return true;
    if (search->n++ == search->page->max)
        return false;
    search->visit(line, row, search->user);
    return true;
}

bool
journal_store_lines(JournalStore *self, const JournalPage *page, JournalVisit visit, void *user, GError **error)
{
    LineSearch search = { page, visit, user, 0 };
    Walk walk = { "SELECT " COLUMNS " FROM keys JOIN lines ON lines.row = keys.row WHERE hash = ? AND keys.row > ?"
                  " ORDER BY keys.row", page->after, add_line, &search };
    gint64 keys[JOURNAL_WORDS];

    journal_word_keys(page->id, keys);
    return walk_key(self, &walk, keys[0], error);
}

static gint64
size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_size : 0;
}

bool
journal_store_stats(JournalStore *self, JournalStats *stats, GError **error)
{
    static const char *const names[] = { "journal.db", "journal.db-wal" };
    g_autoptr(GArray) files = journal_files(self->folder);

    *stats = (JournalStats) { 0 };
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(self->folder, names[i], NULL);
        stats->bytes += size_of(path);
    }
    for (guint i = 0; i < files->len; i++) {
        g_autofree char *path = journal_file(self->folder, g_array_index(files, guint64, i));
        stats->bytes += size_of(path);
    }
    return journal_sql_number(self, "SELECT coalesce(min(at_ms), 0) FROM lines", &stats->oldest_ms, error);
}
