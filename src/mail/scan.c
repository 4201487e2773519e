#include "mail/scan.h"

#include "mail/fields.h"
#include "mail/gmime.h"
#include "mail/scan_facts.h"
#include "mail/scan_tally.h"

#include <string.h>

/* How much of a line is kept: whole fields in headers; elsewhere what a delimiter may have ("--" twice). */
#define HEADER_LINE (SCAN_MAX_FIELD_BYTES + 2)
#define BODY_LINE (SCAN_MAX_BOUNDARY_BYTES + 8)

typedef enum {
    STATE_START,     /* the first line */
    STATE_FROM_LINE, /* behind what may be an mbox "From " line */
    STATE_HEADER,
    STATE_PART_HEADER,
    STATE_BODY,
} State;

struct Scan {
    ScanVerdict verdict;
    const char *reason;
    State state;
    gint64 offset, line_offset; /* of the next byte, of the line it belongs to */
    gint64 header_offset, body_offset;

    GString *line;      /* beginning of the line, as much as the state needs */
    gsize line_length;  /* all of it, without LF */
    bool rest_is_blank; /* what of the line is not kept */

    /* The header being read. */
    GString *field; /* the field, all its lines; empty for none */
    gsize field_bytes, header_bytes;
    guint fields;
    bool known;            /* one of its fields is one of mail's */
    ScanVerdict at_header; /* the cap it is over, which counts if it is a header at all */
    const char *header_reason;
    char *type; /* value of the last Content-Type, or NULL */
    gint64 header_start;  /* of a part's */
    gint64 text_offset;   /* of its first line that is no field, or -1 */
    GArray *missing;      /* of gint64: scan_missing_lines() */

    ScanFacts facts;
    char *boundaries[SCAN_MAX_DEPTH]; /* with "--" before, the innermost last */
    gsize boundary_lengths[SCAN_MAX_DEPTH];
    guint depth, parts, all_fields;
};

Scan *
scan_new(void)
{
    Scan *self = g_new0(Scan, 1);

    gmime_ready();
    self->reason = "";
    self->rest_is_blank = true;
    self->missing = g_array_new(FALSE, FALSE, sizeof(gint64));
    self->line = g_string_new(NULL);
    self->field = g_string_new(NULL);
    scan_facts_init(&self->facts);
    return self;
}

static void
pop_boundaries(Scan *self, guint depth)
{
    while (self->depth > depth)
        g_free(self->boundaries[--self->depth]);
}

void
scan_free(Scan *self)
{
    if (!self)
        return;
    pop_boundaries(self, 0);
    g_array_unref(self->missing);
    g_string_free(self->line, TRUE);
    g_string_free(self->field, TRUE);
    g_free(self->type);
    scan_facts_clear(&self->facts);
    g_free(self);
}

/* The worst verdict stays, and of equal ones the first. */
static void
judge(Scan *self, ScanVerdict verdict, const char *reason)
{
    static const int weight[] = { [SCAN_OK] = 0, [SCAN_FLAT] = 1, [SCAN_REFUSED] = 2 };

    if (weight[verdict] <= weight[self->verdict])
        return;
    self->verdict = verdict;
    self->reason = reason;
}

/* The same for the header being read, which may yet turn out to be text. */
static void
judge_header(Scan *self, ScanVerdict verdict, const char *reason)
{
    if (self->at_header == SCAN_REFUSED)
        return;
    self->at_header = verdict;
    self->header_reason = reason;
}

static void
check_structured(Scan *self, const char *value, gsize n, bool is_address)
{
    Tally tally = tally_field(value, n);

    if (tally.comment_depth > SCAN_MAX_COMMENT_DEPTH)
        judge_header(self, SCAN_REFUSED, "comments nested too deeply in a header field");
    if (is_address && tally.colons > SCAN_MAX_COLONS)
        judge_header(self, SCAN_REFUSED, "too many groups in an address field");
    if (!is_address && tally.semicolons > SCAN_MAX_PARAMETERS)
        judge_header(self, SCAN_REFUSED, "too many parameters in a header field");
}

/* As GMime will get it: fields_parse() removes NULs, in a part's header GMime stops at them. */
static void
keep_type(Scan *self, const char *value, gsize n)
{
    char *to;

    g_free(self->type);
    self->type = to = g_malloc(n + 1);
    for (gsize i = 0; i < n && (value[i] || self->state == STATE_HEADER); i++)
        if (value[i])
            *to++ = value[i];
    *to = '\0';
}

/* The last line of a field was read. */
static void
finish_field(Scan *self)
{
    const char *name = self->field->str;
    gsize length = self->field->len, n = field_name_length(name, length);

    if (n == 0)
        return;
    const char *value = (const char *) memchr(name, ':', length) + 1;
    gsize value_length = name + length - value;
    bool is_address = is_address_field(name, n);
    bool is_content = n > 8 && g_ascii_strncasecmp(name, "content-", 8) == 0;

    self->known = self->known || field_is_known(name, n);
    if (is_content)
        self->text_offset = -1; /* the line that was no field was but a broken one */
    self->all_fields++;
    if (++self->fields > SCAN_MAX_FIELDS || self->all_fields > SCAN_MAX_ALL_FIELDS)
        judge_header(self, SCAN_REFUSED, "too many header fields");
    if (self->field_bytes > SCAN_MAX_FIELD_BYTES ||
        (is_address && self->state == STATE_HEADER && self->field_bytes > SCAN_MAX_ADDRESS_FIELD_BYTES))
        judge_header(self, SCAN_REFUSED, "a header field is too long");
    if (is_content || (is_address && self->state == STATE_HEADER))
        check_structured(self, value, value_length, is_address);
    if (self->state == STATE_HEADER)
        scan_facts_field(&self->facts, name, n, value, value_length);
    if (n == 12 && g_ascii_strncasecmp(name, "content-type", n) == 0)
        keep_type(self, value, value_length);
    g_string_truncate(self->field, 0);
}

/* A line that is no beginning of a field starts a nameless one, which its continuation lines belong to. */
static void
start_field(Scan *self)
{
    finish_field(self);
    if (self->text_offset < 0 && field_name_length(self->line->str, self->line->len) == 0)
        self->text_offset = self->line_offset;
    g_string_assign(self->field, "");
    g_string_append_len(self->field, self->line->str, self->line->len);
    self->field_bytes = self->line_length;
}

static void
continue_field(Scan *self)
{
    gsize room = self->field->len < HEADER_LINE ? HEADER_LINE - self->field->len : 0;

    g_string_append_c(self->field, '\n');
    g_string_append_len(self->field, self->line->str, MIN(self->line->len, room));
    self->field_bytes += self->line_length + 1;
}

static bool
is_multipart(const Scan *self)
{
    g_autofree char *lower = self->type ? g_ascii_strdown(self->type, -1) : NULL;

    return lower && strstr(lower, "multipart");
}

/* GMime reads the type, and not we: there must not be two opinions about which lines are delimiters. */
static void
push_boundary(Scan *self)
{
    if (!is_multipart(self))
        return;
    g_autoptr(GMimeContentType) type = g_mime_content_type_parse(NULL, self->type);
    const char *boundary = g_mime_content_type_get_parameter(type, "boundary");

    if (!boundary)
        return;
    if (strlen(boundary) > SCAN_MAX_BOUNDARY_BYTES) {
        judge(self, SCAN_FLAT, "a boundary is too long");
    } else if (self->depth == SCAN_MAX_DEPTH) {
        judge(self, SCAN_FLAT, "parts are nested too deeply");
    } else {
        self->boundary_lengths[self->depth] = strlen(boundary) + 2;
        self->boundaries[self->depth++] = g_strconcat("--", boundary, NULL);
    }
}

static void
start_header(Scan *self, State state)
{
    self->state = state;
    self->fields = 0;
    self->header_bytes = 0;
    self->at_header = SCAN_OK;
    self->known = false;
    self->header_start = self->offset;
    self->text_offset = -1;
    g_string_truncate(self->field, 0);
    g_clear_pointer(&self->type, g_free);
}

static void
finish_header(Scan *self)
{
    finish_field(self);
    self->state = STATE_BODY;
    if (self->at_header != SCAN_OK)
        judge(self, self->at_header, self->header_reason);
    push_boundary(self);
}

/* The end of a part's. Its text may have begun before, even with words that look like fields. A multipart is
 * left alone: GMime would find delimiters where nothing here looked for them. */
static void
finish_part_header(Scan *self)
{
    finish_field(self);
    if (self->text_offset >= 0 && !is_multipart(self)) {
        gint64 at = self->known ? self->text_offset : self->header_start;
        g_array_append_val(self->missing, at);
    }
    finish_header(self);
}

/* The end of the message's own header; the body begins at offset. */
static void
finish_top_header(Scan *self, gint64 offset)
{
    finish_field(self);
    if (!self->known) {
        self->header_offset = self->body_offset = 0;
        self->state = STATE_BODY;
        return;
    }
    self->body_offset = offset;
    finish_header(self);
}

static bool
only_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
        p++;
    return p == end;
}

/* As GMime matches: blanks may follow, and the innermost boundary wins. */
static bool
match_delimiter(Scan *self, guint *which, bool *is_last)
{
    const char *line = self->line->str, *end = line + self->line->len;

    if (self->line->len < 2 || memcmp(line, "--", 2) != 0 || !self->rest_is_blank)
        return false;
    for (guint i = self->depth; i-- > 0;) {
        gsize n = self->boundary_lengths[i];
        if (self->line->len < n || memcmp(line, self->boundaries[i], n) != 0)
            continue;
        *which = i;
        *is_last = end - line >= (gssize) n + 2 && memcmp(line + n, "--", 2) == 0 &&
                   only_blanks(line + n + 2, end);
        if (*is_last || only_blanks(line + n, end))
            return true;
    }
    return false;
}

static void
on_body_line(Scan *self)
{
    guint which;
    bool is_last;

    if (!match_delimiter(self, &which, &is_last))
        return;
    pop_boundaries(self, is_last ? which : which + 1);
    if (is_last)
        return;
    if (++self->parts > SCAN_MAX_PARTS)
        judge(self, SCAN_REFUSED, "too many parts");
    start_header(self, STATE_PART_HEADER);
}

static bool
line_is_empty(const Scan *self)
{
    return self->line_length == 0 || (self->line_length == 1 && self->line->str[0] == '\r');
}

static void
count_header_line(Scan *self)
{
    self->header_bytes += self->line_length + 1;
    if (self->header_bytes <= SCAN_MAX_HEADER_BYTES)
        return;
    /* A part's may be text of which the empty line was forgotten. */
    if (self->state == STATE_HEADER)
        judge_header(self, SCAN_REFUSED, "the header is too long");
    else
        judge(self, SCAN_FLAT, "the header of a part is too long");
}

static void
on_part_header_line(Scan *self)
{
    guint which;
    bool is_last;

    if (line_is_empty(self)) {
        finish_part_header(self);
        return;
    }
    if (match_delimiter(self, &which, &is_last)) {
        finish_part_header(self);
        on_body_line(self);
        return;
    }
    count_header_line(self);
    if (self->field->len && (self->line->str[0] == ' ' || self->line->str[0] == '\t'))
        continue_field(self);
    else
        start_field(self);
}

static void
on_header_line(Scan *self)
{
    bool is_field = field_name_length(self->line->str, self->line->len) > 0;

    if (line_is_empty(self)) {
        finish_top_header(self, self->offset);
    } else if (is_field) {
        count_header_line(self);
        start_field(self);
    } else if (self->line->str[0] == ' ' || self->line->str[0] == '\t') {
        count_header_line(self);
        continue_field(self);
    } else {
        finish_top_header(self, self->line_offset);
        on_body_line(self);
    }
}

static void
on_first_line(Scan *self)
{
    if (field_name_length(self->line->str, self->line->len) > 0) {
        self->header_offset = self->line_offset;
        start_header(self, STATE_HEADER);
        on_header_line(self);
    } else if (self->state == STATE_START && g_str_has_prefix(self->line->str, "From ")) {
        self->state = STATE_FROM_LINE;
    } else {
        /* Text. An empty first line is an empty header and no text. */
        if (self->state == STATE_START && line_is_empty(self))
            self->header_offset = self->body_offset = self->offset;
        self->state = STATE_BODY;
    }
}

static void
on_line(Scan *self)
{
    switch (self->state) {
    case STATE_START:
    case STATE_FROM_LINE:
        on_first_line(self);
        break;
    case STATE_HEADER:
        on_header_line(self);
        break;
    case STATE_PART_HEADER:
        on_part_header_line(self);
        break;
    case STATE_BODY:
        on_body_line(self);
    }
    g_string_truncate(self->line, 0);
    self->line_length = 0;
    self->rest_is_blank = true;
    self->line_offset = self->offset;
}

static void
append_to_line(Scan *self, const char *bytes, gsize n)
{
    gsize keep = self->state == STATE_BODY ? BODY_LINE : HEADER_LINE;

    self->line_length += n;
    /* In a body only lines that begin with a dash matter. */
    if (self->state == STATE_BODY && n && *(self->line->len ? self->line->str : bytes) != '-') {
        self->rest_is_blank = false;
        return;
    }
    gsize take = MIN(n, keep - MIN(keep, self->line->len));
    g_string_append_len(self->line, bytes, take);
    self->rest_is_blank = self->rest_is_blank && only_blanks(bytes + take, bytes + n);
}

void
scan_push(Scan *self, const char *bytes, size_t n)
{
    scan_facts_bytes(&self->facts, bytes, n);
    while (n > 0) {
        if (self->state == STATE_BODY && self->depth == 0) { /* nothing is looked for any more */
            self->offset += n;
            return;
        }
        const char *eol = memchr(bytes, '\n', n);
        gsize length = eol ? (gsize) (eol - bytes) : n;
        append_to_line(self, bytes, length);
        gsize step = length + (eol != NULL);
        self->offset += step;
        bytes += step;
        n -= step;
        if (eol)
            on_line(self);
    }
}

ScanVerdict
scan_finish(Scan *self)
{
    if (self->line_length > 0)
        on_line(self);
    if (self->state == STATE_HEADER)
        finish_top_header(self, self->offset);
    else if (self->state == STATE_PART_HEADER)
        finish_part_header(self);
    return self->verdict;
}

ScanVerdict
scan_verdict(const Scan *self)
{
    return self->verdict;
}

const char *
scan_reason(const Scan *self)
{
    return self->reason;
}

const ScanFacts *
scan_facts(const Scan *self)
{
    return &self->facts;
}

gint64
scan_header_offset(const Scan *self)
{
    return self->header_offset;
}

gint64
scan_body_offset(const Scan *self)
{
    return self->body_offset;
}

GArray *
scan_missing_lines(const Scan *self)
{
    return self->missing;
}
