#include "queue/sqlite.h"

#include <errno.h>
#include <string.h>

enum { ROW_RECIPIENTS_MAX = 1000000 };

static const char *const state_names[] = { "waiting", "leased", "held" };

/* Reads columns and remembers the first that cannot be what we wrote. */
typedef struct {
    sqlite3_stmt *stmt;
    int at;
    const char *damage;
} Columns;

const char *
sqlite_state_name(RowState state)
{
    return state_names[state];
}

char *
sqlite_lane(const char *sender, int priority)
{
    char *lower = g_utf8_validate(sender, -1, NULL) ? g_utf8_strdown(sender, -1) : g_ascii_strdown(sender, -1);

    if (priority == 0)
        return lower;
    char *lane = g_strdup_printf("%s %+d", lower, priority);
    g_free(lower);
    return lane;
}

static gint64
take_number(Columns *self, gint64 min, gint64 max, const char *name)
{
    int at = self->at++;
    gint64 value = sqlite3_column_int64(self->stmt, at);

    if (sqlite3_column_type(self->stmt, at) == SQLITE_INTEGER && value >= min && value <= max)
        return value;
    self->damage = name;
    return min;
}

static bool
take_flag(Columns *self, const char *name)
{
    return take_number(self, 0, 1, name);
}

/* One line of text, or NULL; control characters would end up in requests and replies. Caller frees. */
static char *
take_text(Columns *self, bool may_be_absent, const char *name)
{
    int at = self->at++, type = sqlite3_column_type(self->stmt, at);

    if (type == SQLITE_NULL && may_be_absent)
        return NULL;
    const char *text = (const char *) sqlite3_column_text(self->stmt, at);
    bool fine = type == SQLITE_TEXT && text && strlen(text) == (size_t) sqlite3_column_bytes(self->stmt, at);
    for (const char *p = text; fine && *p; p++)
        fine = !g_ascii_iscntrl(*p) || *p == '\t';
    if (fine)
        return g_strdup(text);
    self->damage = name;
    return may_be_absent ? NULL : g_strdup("");
}

static RowState
take_state(Columns *self)
{
    g_autofree char *name = take_text(self, false, "state");

    for (guint i = 0; i < G_N_ELEMENTS(state_names); i++)
        if (strcmp(name, state_names[i]) == 0)
            return i;
    self->damage = "state";
    return ROW_HELD;
}

static OutcomeVerdict
take_verdict(Columns *self)
{
    g_autofree char *name = take_text(self, false, "verdict");

    for (OutcomeVerdict verdict = OUTCOME_OPEN; verdict <= OUTCOME_UNKNOWN; verdict++)
        if (strcmp(name, outcome_verdict_name(verdict)) == 0)
            return verdict;
    self->damage = "verdict";
    return OUTCOME_OPEN;
}

static void
take_outcome(Columns *self, Outcome *outcome)
{
    outcome->verdict = take_verdict(self);
    outcome->code = take_number(self, 0, 599, "code");
    g_autofree char *dsn = take_text(self, true, "dsn");
    if (dsn && (strlen(dsn) >= sizeof outcome->dsn || strspn(dsn, "0123456789.") != strlen(dsn)))
        self->damage = "dsn";
    else
        g_strlcpy(outcome->dsn, dsn ? dsn : "", sizeof outcome->dsn);
    outcome->text = take_text(self, true, "text");
    outcome->remote_id = take_text(self, true, "remote_id");
    outcome->retry_after_ms = take_number(self, 0, G_MAXINT64, "retry_after_ms");
    outcome->flags = take_number(self, 0, OUTCOME_BACK_OFF | OUTCOME_ALARM, "flags");
}

/* One recipient, in his place. */
static void
take_recipient(Columns *self, Entry *entry, guint n)
{
    EntryTry try = { 0 };
    Outcome outcome = { 0 };

    if (take_number(self, 0, G_MAXUINT, "recipient number") != n)
        self->damage = "recipient number";
    g_autofree char *address = take_text(self, false, "address");
    EnvelopeRecipient *recipient = envelope_add_recipient(entry->envelope, address);
    bool twice = entry->envelope->recipients->len != n + 1;
    g_autofree char *orcpt = take_text(self, true, "orcpt");
    g_autofree char *notify = take_text(self, true, "notify");
    try.closed = take_flag(self, "closed");
    try.maybe_taken = take_flag(self, "maybe_taken");
    try.account = take_text(self, true, "account");
    try.call_key = take_text(self, true, "call_key");
    take_outcome(self, &outcome);
    if (twice) {
        self->damage = "recipient twice";
        outcome_clear(&outcome);
        g_free(try.account);
        g_free(try.call_key);
        return;
    }
    recipient->orcpt = g_steal_pointer(&orcpt);
    recipient->notify = g_steal_pointer(&notify);
    g_array_append_val(entry->tries, try);
    g_array_append_val(entry->outcomes, outcome);
}

static bool
read_recipients(SqliteStore *self, SqliteRow *row, GError **error)
{
    sqlite3_stmt *stmt = sqlite_prepare(self,
                                        "SELECT n, address, orcpt, notify, closed, maybe_taken, account, call_key, "
                                        "verdict, code, dsn, text, remote_id, retry_after_ms, flags "
                                        "FROM recipient WHERE entry = ?1 ORDER BY n", error);
    Columns columns = { .stmt = stmt };
    guint n = 0;
    int rc;

    if (!stmt)
        return false;
    sqlite_bind(stmt, "i", row->seq);
    while ((rc = sqlite_step(self, stmt, error)) > 0 && !columns.damage && n < ROW_RECIPIENTS_MAX) {
        columns.at = 0;
        take_recipient(&columns, row->entry, n++);
    }
    sqlite3_reset(stmt);
    if (columns.damage)
        row->damage = columns.damage;
    if (rc == 0 && n == 0)
        row->damage = "no recipients";
    return rc >= 0;
}

static void
take_envelope(Columns *self, Envelope *envelope)
{
    envelope->ret = take_text(self, true, "ret");
    envelope->envid = take_text(self, true, "envid");
    envelope->smtputf8 = take_flag(self, "smtputf8");
    envelope->submission = take_flag(self, "submission");
    envelope->from_headers = take_flag(self, "from_headers");
    envelope->gateway = take_flag(self, "gateway");
    envelope->no_aliases = take_flag(self, "no_aliases");
    envelope->hops = take_number(self, 0, G_MAXUINT, "hops");
    envelope->delivery = take_number(self, DELIVERY_UNSET, DELIVERY_LATER, "delivery");
    envelope->full_name = take_text(self, true, "full_name");
    envelope->listener = take_text(self, true, "listener");
    envelope->client = take_text(self, true, "client");
    envelope->helo = take_text(self, true, "helo");
    envelope->user = take_text(self, true, "user");
    envelope->auth = take_text(self, true, "auth");
    envelope->tls = take_text(self, true, "tls");
    envelope->tls_client = take_text(self, true, "tls_client");
    envelope->tag = take_text(self, true, "tag");
    envelope->via = take_text(self, true, "via");
}

static void
take_wishes(Columns *self, Envelope *envelope)
{
    envelope->hold_until_ms = take_number(self, 0, G_MAXINT64, "hold_until_ms");
    envelope->by_ms = take_number(self, 0, G_MAXINT64, "by_ms");
    envelope->by_flags = take_number(self, 0, ENVELOPE_BY_RETURN | ENVELOPE_BY_TRACE, "by_flags");
    envelope->priority = take_number(self, -ENVELOPE_MAX_PRIORITY, ENVELOPE_MAX_PRIORITY, "priority");
}

/* In the order of ENTRY_COLUMNS. */
bool
sqlite_row_read(SqliteStore *self, sqlite3_stmt *stmt, SqliteRow *row, GError **error)
{
    Columns columns = { .stmt = stmt };

    *row = (SqliteRow) { .seq = take_number(&columns, G_MININT64, G_MAXINT64, "seq") };
    g_autofree char *id = take_text(&columns, false, "id");
    if (!mail_folder_is_id(id))
        columns.damage = "id";
    row->state = take_state(&columns);
    g_autofree char *sender = take_text(&columns, false, "sender");
    Entry *entry = row->entry = entry_new(envelope_new(sender), NULL, NULL);
    g_free(entry->id);
    entry->id = g_steal_pointer(&id);
    row->size = take_number(&columns, 0, G_MAXINT64, "size");
    entry->arrived_ms = take_number(&columns, 0, G_MAXINT64, "arrived_ms");
    entry->due_ms = take_number(&columns, 0, G_MAXINT64, "due_ms");
    entry->expires_ms = take_number(&columns, 0, G_MAXINT64, "expires_ms");
    entry->attempts = take_number(&columns, 0, G_MAXUINT, "attempts");
    entry->delay_told = take_flag(&columns, "delay_told");
    entry->is_bounce = take_flag(&columns, "is_bounce");
    entry->expanded = take_flag(&columns, "expanded");
    entry->held = take_text(&columns, true, "held");
    entry->message_id = take_text(&columns, true, "message_id");
    take_envelope(&columns, entry->envelope);
    row->in_file = take_flag(&columns, "in_file");
    entry->cut_off = take_flag(&columns, "cut_off");
    entry->envelope->account = take_text(&columns, true, "chosen_account");
    take_wishes(&columns, entry->envelope);
    entry->stored = true;
    row->damage = columns.damage;
    if (read_recipients(self, row, error))
        return true;
    sqlite_row_clear(row);
    return false;
}

void
sqlite_row_clear(SqliteRow *row)
{
    g_clear_pointer(&row->entry, entry_free);
}

static bool
spool_from_file(SqliteStore *self, SqliteRow *row, GError **error)
{
    int fd = self->folder ? mail_folder_read(self->folder, row->entry->id, row->size) : -1;

    if (fd >= 0) {
        row->entry->spool = spool_new_file(fd, row->size, self->conf.spool_memory_bytes, NULL);
        return true;
    }
    if (errno == ENOENT || errno == ELOOP || errno == EBADMSG || !self->folder)
        row->damage = "the file of its bytes is missing or has another size";
    else
        g_set_error(error, STORE_ERROR, STORE_ERROR_IO, "cannot open the bytes of %s: %s", row->entry->id,
                    g_strerror(errno));
    return false;
}

bool
sqlite_row_spool(SqliteStore *self, SqliteRow *row, GError **error)
{
    if (row->in_file)
        return spool_from_file(self, row, error);

    sqlite3_stmt *stmt = sqlite_prepare(self, "SELECT bytes FROM message WHERE entry = ?1", error);
    if (!stmt)
        return false;
    sqlite_bind(stmt, "i", row->seq);
    int rc = sqlite_step(self, stmt, error);
    const char *bytes = rc > 0 ? sqlite3_column_blob(stmt, 0) : NULL;
    gint64 n = rc > 0 ? sqlite3_column_bytes(stmt, 0) : -1;
    bool fine = rc > 0 && n == row->size && (bytes || n == 0) && sqlite3_column_type(stmt, 0) == SQLITE_BLOB;
    if (fine) {
        row->entry->spool = spool_new(MAX(self->conf.spool_memory_bytes, SQLITE_SMALL_BYTES), NULL);
        spool_append(row->entry->spool, bytes, n);
        fine = spool_finish(row->entry->spool, error);
    } else if (rc >= 0) {
        row->damage = "its bytes are missing or have another size";
    }
    sqlite3_reset(stmt);
    return fine;
}

/* For people who look: the latest word on somebody who is still open. */
const char *
sqlite_last_text(const Entry *entry)
{
    const char *last = NULL;

    for (guint i = 0; i < entry->outcomes->len; i++) {
        const Outcome *outcome = &g_array_index(entry->outcomes, Outcome, i);

        if (!outcome->text || !*outcome->text)
            continue;
        if (!g_array_index(entry->tries, EntryTry, i).closed)
            return outcome->text;
        last = outcome->text;
    }
    return last;
}
