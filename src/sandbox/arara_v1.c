#include "sandbox/arara_v1.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <string.h>

enum { BODY_BYTES = 64 * 1024, REQUESTERS_MAX = 20000, JAPAN_S = 9 * 3600 };

static void
v1_open(Exchange *exchange)
{
    exchange->sandbox->queries++;
    exchange->state = g_string_new(NULL);
}

static void
v1_feed(Exchange *exchange, const char *bytes, size_t n)
{
    GString *body = exchange->state;

    g_string_append_len(body, bytes, (gssize) MIN(n, BODY_BYTES - MIN(body->len, BODY_BYTES)));
}

static void
v1_close(Exchange *exchange)
{
    g_string_free(exchange->state, TRUE);
}

static void
answer_xml(Exchange *exchange, GString *xml)
{
    g_string_prepend(xml, "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n");
    answer_take(&exchange->answer, 200, "text/xml; charset=UTF-8", xml);
}

/* Failures have status 200, too. */
static void
answer_failure(Exchange *exchange, const char *kind, const char *text)
{
    GString *xml = g_string_new(NULL);

    g_string_append_printf(exchange->note, " error=\"%s\"", text);
    exchange->sandbox->refused++;
    g_string_printf(xml, "<mail><result code=\"-1\">%s</result><errors><error kind=\"%s\" code=\"0001\">%s</error></errors>"
                         "</mail>\n", text, kind, text);
    answer_xml(exchange, xml);
}

/* The only child element of that name; NULL if there is none or another. */
static xmlNode *
child(const xmlNode *node, const char *name)
{
    xmlNode *found = NULL;

    for (xmlNode *n = node ? node->children : NULL; n; n = n->next) {
        if (n->type != XML_ELEMENT_NODE || strcmp((const char *) n->name, name) != 0)
            continue;
        if (found)
            return NULL;
        found = n;
    }
    return found;
}

/* The text of that child; the caller frees it. */
static char *
child_text(const xmlNode *node, const char *name)
{
    xmlNode *found = child(node, name);
    xmlChar *text = found ? xmlNodeGetContent(found) : NULL;
    char *copy = text ? g_strstrip(g_strdup((char *) text)) : NULL;

    xmlFree(text);
    return copy;
}

static bool
has_id(const xmlNode *node)
{
    xmlChar *text = node ? xmlGetProp(node, (const xmlChar *) "id") : NULL;
    bool good = text && g_ascii_string_to_unsigned((char *) text, 10, 1, G_MAXINT32, NULL, NULL);

    xmlFree(text);
    return good;
}

static bool
is_right(const char *wanted, const char *given)
{
    return given && (wanted ? strcmp(wanted, given) == 0 : *given != '\0');
}

static bool
is_known(const Exchange *exchange, const xmlNode *auth)
{
    const Options *options = exchange->sandbox->options;
    g_autofree char *name = child_text(auth, "name");
    g_autofree char *pass = child_text(auth, "pass");

    return has_id(child(auth, "site")) && has_id(child(auth, "service")) && is_right(options->user, name)
           && is_right(options->key, pass);
}

/* Without a DTD, and so without entities. */
static xmlDoc *
parse(const GString *body)
{
    if (body->len >= BODY_BYTES || strstr(body->str, "<!DOCTYPE"))
        return NULL;
    xmlDoc *document = xmlReadMemory(body->str, (int) body->len, NULL, NULL,
                                     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (!document || !document->intSubset)
        return document;
    xmlFreeDoc(document);
    return NULL;
}

/* What is beside "auth" in a request; NULL if that isn't one element. */
static xmlNode *
find_wish(const xmlNode *root)
{
    xmlNode *wish = NULL;
    guint n = 0;

    for (xmlNode *node = root->children; node; node = node->next)
        if (node->type == XML_ELEMENT_NODE && strcmp((const char *) node->name, "auth") != 0) {
            wish = node;
            n++;
        }
    return n == 1 ? wish : NULL;
}

typedef void (*Act)(Exchange *exchange, const xmlNode *wish, const char *from);

/* Other types "may work but are unsupported": here they do not. */
static bool
is_binary(const char *type)
{
    static const char binary[] = "application/octet-stream";
    size_t n = strlen(binary);

    return type && g_ascii_strncasecmp(type, binary, n) == 0 && (!type[n] || strchr("; ", type[n]));
}

/* Parse, authenticate, act, answer: an error ends it at once. name: of what is wished, NULL for any. */
static void
serve(Exchange *exchange, const char *name, Act act)
{
    if (exchange->fault.kind == FAULT_ERROR) {
        answer_failure(exchange, "system", "Ordered by --fault");
        return;
    }
    xmlDoc *document = parse(exchange->state);
    const xmlNode *root = document ? xmlDocGetRootElement(document) : NULL;
    if (!is_binary(exchange->content_type)) {
        answer_failure(exchange, "format", "not application/octet-stream");
    } else if (!root || strcmp((const char *) root->name, "request") != 0) {
        answer_failure(exchange, "format", "not a request in XML");
    } else if (!is_known(exchange, child(root, "auth"))) {
        answer_failure(exchange, "auth", "authentication failed");
    } else {
        const xmlNode *wish = find_wish(root);
        g_autofree char *from = child_text(wish, "header_from");
        if (!wish || (name && strcmp((const char *) wish->name, name) != 0))
            answer_failure(exchange, "request", "not the element of this script");
        else if (from && strchr(from, '@'))
            act(exchange, wish, from);
        else
            answer_failure(exchange, "request", "header_from is missing");
    }
    xmlFreeDoc(document);
}

static bool
read_number(const xmlNode *wish, const char *name, guint64 max, int *number)
{
    g_autofree char *text = child_text(wish, name);
    guint64 value = 0;
    bool good = text && g_ascii_string_to_unsigned(text, 10, 1, max, &value, NULL);

    *number = (int) value;
    return good;
}

/* A day in Japan: when it begins. */
static bool
read_day(const xmlNode *wish, gint64 *begin_us)
{
    int year, month, day;

    if (!read_number(wish, "year", 9999, &year) || !read_number(wish, "month", 12, &month)
        || !read_number(wish, "day", 31, &day))
        return false;
    g_autoptr(GDateTime) date = g_date_time_new_utc(year, month, day, 0, 0, 0);
    if (!date)
        return false;
    *begin_us = (g_date_time_to_unix(date) - JAPAN_S) * G_USEC_PER_SEC;
    return true;
}

static void
add_requester(GString *xml, const Unsubscribe *entry)
{
    g_autoptr(GTimeZone) japan = g_time_zone_new_offset(JAPAN_S);
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(entry->time_us / G_USEC_PER_SEC);
    g_autoptr(GDateTime) date = g_date_time_to_timezone(utc, japan);
    g_autofree char *time = g_date_time_format(date, "%Y/%m/%d %H:%M");
    g_autofree char *text = g_markup_printf_escaped(
        "<requester><message_id>%s</message_id><message_to>%s</message_to><datetime>%s</datetime>"
        "<filtered>%d</filtered></requester>\n", entry->message_id, entry->address, time, !entry->lifted);

    g_string_append(xml, text);
}

static void
list_requesters(Exchange *exchange, const xmlNode *wish, const char *from)
{
    const GPtrArray *all = unsubscribes_all(feedback_unsubscribes(exchange->sandbox->feedback));
    gint64 kept_us = g_get_real_time() - UNSUBSCRIBED_DAYS * G_TIME_SPAN_DAY;
    gint64 begin_us;
    guint n = 0;

    if (!read_day(wish, &begin_us)) {
        answer_failure(exchange, "request", "year, month and day are no day");
        return;
    }
    GString *xml = g_string_new("<response><unsubscribers>");
    g_autofree char *head = g_markup_printf_escaped("<header_from>%s</header_from><requesters>\n", from);
    g_string_append(xml, head);
    for (guint i = 0; i < all->len && n < REQUESTERS_MAX; i++) {
        const Unsubscribe *entry = all->pdata[i];
        if (g_ascii_strcasecmp(entry->scope, from) != 0 || entry->appended || entry->time_us < begin_us
            || entry->time_us >= begin_us + G_TIME_SPAN_DAY || entry->time_us <= kept_us)
            continue;
        add_requester(xml, entry);
        n++;
    }
    g_string_append(xml, "</requesters></unsubscribers></response>\n");
    answer_xml(exchange, xml);
}

static void
answer_done(Exchange *exchange)
{
    answer_xml(exchange, g_string_new("<response><result code=\"0\">success</result></response>\n"));
}

/* A pair that is unknown is no error. */
static void
lift(Exchange *exchange, const xmlNode *wish, const char *from)
{
    g_autofree char *to = child_text(wish, "message_to");

    if (!to || !strchr(to, '@')) {
        answer_failure(exchange, "request", "message_to is missing");
        return;
    }
    unsubscribes_lift(feedback_unsubscribes(exchange->sandbox->feedback), from, to);
    answer_done(exchange);
}

static void
enable(Exchange *exchange, const xmlNode *wish, const char *from)
{
    if (unsubscribes_enable(feedback_unsubscribes(exchange->sandbox->feedback), from))
        answer_done(exchange);
    else
        answer_failure(exchange, "system", "too many addresses");
}

static void
list_answer(Exchange *exchange)
{
    serve(exchange, "unsubscription_request", list_requesters);
}

static void
lift_answer(Exchange *exchange)
{
    serve(exchange, NULL, lift);
}

static void
enable_answer(Exchange *exchange)
{
    serve(exchange, NULL, enable);
}

const Endpoint arara_v1_endpoints[] = {
    { "POST", "/tm/unsubscribe_requesters.php", API_QUERY, v1_open, v1_feed, list_answer, v1_close },
    { "POST", "/tm/resubscribers.php", API_QUERY, v1_open, v1_feed, lift_answer, v1_close },
    { "POST", "/tm/unsubscribe_receivers.php", API_QUERY, v1_open, v1_feed, enable_answer, v1_close },
    { NULL },
};
