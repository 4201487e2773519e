#include "sandbox/blast.h"

#include <string.h>

enum { LIMIT_DEFAULT = 25, LIMIT_MAX = 100, IDS_MAX = 1000 };

/* A whole number up to max; fallback if text is NULL. */
static bool
read_number(const char *text, guint64 fallback, guint64 max, guint64 *number)
{
    *number = fallback;
    return !text || g_ascii_string_to_unsigned(text, 10, 0, max, number, NULL);
}

/* Ids separated by commas; NULL if it is no such list. The caller frees it. */
static GArray *
read_ids(const char *text)
{
    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(guint64));
    g_auto(GStrv) words = g_strsplit(text, ",", IDS_MAX + 1);

    for (char **word = words; *word; word++) {
        guint64 id;
        if (!g_ascii_string_to_unsigned(*word, 10, 1, G_MAXINT32, &id, NULL))
            return NULL;
        g_array_append_val(ids, id);
    }
    return ids->len > 0 && ids->len <= IDS_MAX ? g_steal_pointer(&ids) : NULL;
}

/* yyyyMMddTHH:mm:ss, or none. */
static bool
is_date(const char *text)
{
    static const char form[] = "00000000T00:00:00";

    if (!text)
        return true;
    if (strlen(text) != strlen(form))
        return false;
    for (size_t i = 0; form[i]; i++)
        if (form[i] == '0' ? !g_ascii_isdigit(text[i]) : text[i] != form[i])
            return false;
    g_autoptr(GTimeZone) zone = g_time_zone_new_utc();
    g_autoptr(GDateTime) date = g_date_time_new_from_iso8601(text, zone);
    return date != NULL;
}

/* What a search asks for. */
typedef struct {
    GArray *ids;                /* of guint64; NULL: by the others */
    char **subjects, **groups;  /* each NULL: any */
    const char *begin, *end;    /* likewise */
    guint64 offset, limit;
} Wish;

static void
wish_clear(Wish *self)
{
    g_clear_pointer(&self->ids, g_array_unref);
    g_strfreev(self->subjects);
    g_strfreev(self->groups);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Wish, wish_clear)

static char **
read_list(GHashTable *parameters, const char *name)
{
    const char *text = g_hash_table_lookup(parameters, name);

    return text && *text ? g_strsplit(text, ",", -1) : NULL;
}

static bool
read_wish(GHashTable *parameters, Wish *wish)
{
    const char *ids = g_hash_table_lookup(parameters, "messageIDs");

    wish->subjects = read_list(parameters, "subjects");
    wish->groups = read_list(parameters, "groups");
    wish->begin = g_hash_table_lookup(parameters, "beginDate");
    wish->end = g_hash_table_lookup(parameters, "endDate");
    if (ids && !(wish->ids = read_ids(ids)))
        return false;
    return is_date(wish->begin) && is_date(wish->end)
           && read_number(g_hash_table_lookup(parameters, "offset"), 0, G_MAXINT32, &wish->offset)
           && read_number(g_hash_table_lookup(parameters, "limit"), LIMIT_DEFAULT, LIMIT_MAX, &wish->limit)
           && wish->limit > 0;
}

static bool
is_wished(const Wish *wish, const BlastMessage *message)
{
    if (wish->ids) {
        for (guint i = 0; i < wish->ids->len; i++)
            if (g_array_index(wish->ids, guint64, i) == message->id)
                return true;
        return false;
    }
    return (!wish->subjects || g_strv_contains((const char *const *) wish->subjects, message->subject))
           && (!wish->groups || g_strv_contains((const char *const *) wish->groups, message->group))
           && (!wish->begin || strcmp(message->date, wish->begin) >= 0)
           && (!wish->end || strcmp(message->date, wish->end) <= 0);
}

static cJSON *
history_json(const BlastMessage *message)
{
    cJSON *json = cJSON_CreateObject();
    unsigned failures = blast_message_failures(message);

    cJSON_AddNumberToObject(json, "messageID", message->id);
    cJSON_AddStringToObject(json, "date", message->date);
    cJSON_AddStringToObject(json, "subject", message->subject);
    cJSON_AddStringToObject(json, "group", message->group);
    cJSON_AddNumberToObject(json, "total", message->copy_count);
    cJSON_AddNumberToObject(json, "success", message->copy_count - failures);
    cJSON_AddNumberToObject(json, "failure", failures);
    cJSON_AddStringToObject(json, "status", message->status);
    return json;
}

static void
search_answer(Exchange *exchange)
{
    const GPtrArray *all = blast_archive_all(blast_archive(exchange->sandbox->blast));
    g_auto(Wish) wish = { 0 };
    guint64 place = 0;
    g_autoptr(GHashTable) parameters = blast_read(exchange, "access_token! f offset limit messageIDs subjects groups "
                                                            "beginDate endDate");

    if (!parameters)
        return;
    if (!read_wish(parameters, &wish)) {
        blast_answer_error(exchange, parameters, 400, BLAST_BAD_DATA);
        return;
    }
    cJSON *json = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(json, "message");
    for (guint i = 0; i < all->len; i++) {
        if (!is_wished(&wish, all->pdata[i]))
            continue;
        if (place >= wish.offset && place - wish.offset < wish.limit)
            cJSON_AddItemToArray(list, history_json(all->pdata[i]));
        place++;
    }
    blast_answer(exchange, parameters, "messages", json);
}

/* The message that "messageID" names; NULL and the refusal answered if there is none. */
static const BlastMessage *
find_message(Exchange *exchange, GHashTable *parameters)
{
    guint64 id = 0;

    if (!read_number(g_hash_table_lookup(parameters, "messageID"), 0, G_MAXINT32, &id)) {
        blast_answer_error(exchange, parameters, 400, BLAST_BAD_DATA);
        return NULL;
    }
    const BlastMessage *message = blast_archive_find(blast_archive(exchange->sandbox->blast), id);
    if (!message)
        blast_answer_error(exchange, parameters, 400, "No data");
    return message;
}

static void
detail_answer(Exchange *exchange)
{
    g_autoptr(GHashTable) parameters = blast_read(exchange, "access_token! f messageID!");
    const BlastMessage *message = parameters ? find_message(exchange, parameters) : NULL;

    if (!message)
        return;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "groupID", message->group_id);
    cJSON_AddNumberToObject(json, "messageID", message->id);
    cJSON_AddStringToObject(json, "subject", message->subject);
    cJSON_AddStringToObject(json, "scheduleDate", message->date);
    cJSON_AddNumberToObject(json, "senderID", message->sender_id);
    cJSON_AddStringToObject(json, "htmlPart", message->html);
    cJSON_AddStringToObject(json, "textPart", message->text);
    cJSON_AddBoolToObject(json, "public", message->is_public);
    blast_answer(exchange, parameters, "message", json);
}

/* Each field in quotes, which are doubled within. */
static void
add_line(GString *csv, const char *const *fields, guint n)
{
    for (guint i = 0; i < n; i++) {
        g_auto(GStrv) pieces = g_strsplit(fields[i], "\"", -1);
        g_autofree char *text = g_strjoinv("\"\"", pieces);
        g_string_append_printf(csv, "%s\"%s\"", i > 0 ? "," : "", text);
    }
    g_string_append(csv, "\r\n");
}

/* In Windows-31J, as the accounts of the service have it unless they are set up otherwise. */
static void
answer_csv(Exchange *exchange, const GString *csv)
{
    gsize n = 0;
    g_autofree char *text = g_convert(csv->str, (gssize) csv->len, "CP932", "UTF-8", NULL, &n, NULL);

    if (text)
        answer_take(&exchange->answer, 200, "text/csv", g_string_new_len(text, (gssize) n));
    else
        blast_answer_error(exchange, NULL, 500, "no CSV");
}

static void
export_answer(Exchange *exchange)
{
    static const char *const heads[] = { "メールアドレス", "お名前", "配信日時", "エラー内容" };
    g_autoptr(GHashTable) parameters = blast_read(exchange, "access_token! messageID! status!");
    g_autoptr(GString) csv = g_string_new(NULL);
    guint64 failed = 0;

    if (!parameters)
        return;
    if (!read_number(g_hash_table_lookup(parameters, "status"), 0, 1, &failed)) {
        blast_answer_error(exchange, parameters, 400, BLAST_BAD_DATA);
        return;
    }
    const BlastMessage *message = find_message(exchange, parameters);
    if (!message)
        return;
    guint columns = failed ? 4 : 3;
    add_line(csv, heads, columns);
    for (unsigned i = 0; i < message->copy_count; i++) {
        const BlastCopy *copy = &message->copies[i];
        const char *fields[] = { copy->address, copy->name, message->date, copy->failure };
        if (!copy->failure == !failed)
            add_line(csv, fields, columns);
    }
    answer_csv(exchange, csv);
}

static void
opens_answer(Exchange *exchange)
{
    static const char *const heads[] = { "メールアドレス", "お名前", "開封回数" };
    g_autoptr(GHashTable) parameters = blast_read(exchange, "access_token! messageID!");
    const BlastMessage *message = parameters ? find_message(exchange, parameters) : NULL;
    g_autoptr(GString) csv = g_string_new(NULL);

    if (!message)
        return;
    add_line(csv, heads, G_N_ELEMENTS(heads));
    for (unsigned i = 0; i < message->copy_count; i++) {
        const BlastCopy *copy = &message->copies[i];
        g_autofree char *opens = g_strdup_printf("%u", copy->opens);
        const char *fields[] = { copy->address, copy->name, opens };
        if (copy->opens > 0)
            add_line(csv, fields, G_N_ELEMENTS(fields));
    }
    answer_csv(exchange, csv);
}

static void
delete_answer(Exchange *exchange)
{
    g_autoptr(GHashTable) parameters = blast_read(exchange, "access_token! messageIDs! format f");
    g_autoptr(GArray) ids = parameters ? read_ids(g_hash_table_lookup(parameters, "messageIDs")) : NULL;
    g_autoptr(GString) failure = g_string_new(NULL);
    g_autoptr(GString) success = g_string_new(NULL);

    if (!parameters)
        return;
    if (!ids) {
        blast_answer_error(exchange, parameters, 400, BLAST_BAD_DATA);
        return;
    }
    for (guint i = 0; i < ids->len; i++) {
        guint64 id = g_array_index(ids, guint64, i);
        GString *list = blast_archive_delete(blast_archive(exchange->sandbox->blast), id) ? success : failure;
        g_string_append_printf(list, "%s%" G_GUINT64_FORMAT, list->len > 0 ? "," : "", id);
    }
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "failure", failure->str);
    cJSON_AddStringToObject(json, "success", success->str);
    blast_answer(exchange, parameters, "message", json);
}

const Endpoint blast_history_endpoints[] = {
    { "GET", "/rest/1.0/message/history/search", API_QUERY, blast_open, blast_feed, search_answer, blast_close },
    { "GET", "/rest/1.0/message/detail/search", API_QUERY, blast_open, blast_feed, detail_answer, blast_close },
    { "GET", "/rest/1.0/history/list/export", API_QUERY, blast_open, blast_feed, export_answer, blast_close },
    { "GET", "/rest/1.0/mailopenlog/list/export", API_QUERY, blast_open, blast_feed, opens_answer, blast_close },
    { "POST", "/rest/1.0/message/list/delete", API_QUERY, blast_open, blast_feed, delete_answer, blast_close },
    { NULL },
};
