#include "provider/arara_request.h"

#include "base/id.h"
#include "http/json.h"
#include "provider/arara_marker.h"

#define SEND_PATH "/send"

char *
arara_request_id(const CallTry *try)
{
    bool again = try->step == ARARA_SEND_AGAIN;
    g_autofree char *key = g_strconcat(try->call->key, again ? " again" : "", NULL);

    return id_of_call(key);
}

static char *
ascii_address(const Mailbox *box)
{
    char *ascii = address_to_ascii(box->address);

    return ascii ? ascii : g_strdup(box->address);
}

static void
put_address(cJSON *object, const Mailbox *box)
{
    g_autofree char *address = ascii_address(box);

    json_put_string(object, "address", address);
}

/* One element per To: each is a mail of its own. */
static void
put_mailing_list(JsonBody *body, cJSON *delivery, const Mail *mail, const GPtrArray *to)
{
    const char *const texts[] = { mail->subject, mail->text, mail->html, NULL };
    g_autoptr(GBytes) substitutions = arara_markers(texts);

    for (guint i = 0; i < to->len; i++) {
        cJSON *element = json_put_item(delivery, "mailing-list");
        put_address(json_put_object(element, "to"), to->pdata[i]);
        if (substitutions)
            json_put_bytes(body, element, "substitutions", substitutions);
    }
}

/* Bare addresses; partition left out those that a list cannot hold. */
static void
put_list(cJSON *contents, const char *name, const GPtrArray *boxes)
{
    g_autoptr(GString) list = g_string_new(NULL);

    for (guint i = 0; i < boxes->len; i++) {
        g_autofree char *address = ascii_address(boxes->pdata[i]);
        g_string_append_printf(list, "%s%s", i ? "," : "", address);
    }
    if (boxes->len > 0)
        json_put_string(contents, name, list->str);
}

static void
put_contents(JsonBody *body, cJSON *delivery, const Mail *mail, const Call *call)
{
    cJSON *contents = json_put_object(delivery, "contents");
    cJSON *texts;

    json_put_string(contents, "subject", mail->subject);
    texts = json_put_object(contents, "body");
    json_put_string(texts, "text", mail->text);
    if (mail->html)
        json_put_string(texts, "html", mail->html);
    json_put_number(contents, "encode", 0);
    put_list(contents, "cc", call->cc);
    put_list(contents, "bcc", call->bcc);
    for (guint i = 0; i < mail->attachments->len; i++) {
        const MailPart *part = mail->attachments->pdata[i];
        cJSON *item = json_put_item(contents, "attachments-list");
        json_put_string(item, "filename", part->filename);
        json_put_string(item, "mimetype", part->type);
        json_put_source(body, item, "data", source_new_base64(mail_part_bytes(part)));
    }
}

/* Minutes are all there is, and none may be before the time. Caller frees. */
static char *
send_time(gint64 at_ms)
{
    static const gint64 minute_ms = 60 * 1000;
    static const gint64 offset_s = 9 * 3600;

    if (at_ms == 0)
        return g_strdup("now");
    gint64 minutes = (at_ms + minute_ms - 1) / minute_ms;
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(minutes * 60 + offset_s);
    return g_date_time_format(time, "%Y-%m-%dT%H:%M+09:00");
}

static void
put_settings(cJSON *delivery, const Mail *mail, const char *request_id, gint64 at_ms)
{
    cJSON *settings = json_put_object(delivery, "settings");
    g_autofree char *time = send_time(at_ms);

    json_put_string(settings, "send_time", time);
    json_put_string(settings, "request_id", request_id);
    cJSON *from = json_put_object(settings, "from");
    json_put_string(from, "name", mail->from->name);
    put_address(from, mail->from);
    if (mail->reply_to)
        put_address(json_put_object(settings, "reply_to"), mail->reply_to);
}

static Source *
send_body(const CallTry *try, const char *request_id)
{
    g_autoptr(JsonBody) body = json_body_new();
    cJSON *delivery = json_put_item(json_body_root(body), "delivery");

    put_mailing_list(body, delivery, try->mail, try->call->to);
    put_contents(body, delivery, try->mail, try->call);
    put_settings(delivery, try->mail, request_id, try->send_at_ms);
    return json_body_source(&body);
}

HttpRequest *
arara_look_up(const Provider *self, const Secret *token, const char *request_id)
{
    const AraraConf *conf = self->conf;
    g_autofree char *url = g_strconcat(self->url, SEND_PATH "?request_id=", request_id, NULL);
    HttpRequest *request = http_request_new("GET", url);

    oauth_put_token(&conf->oauth, request, token);
    return request;
}

HttpRequest *
arara_build(const Provider *self, const CallTry *try)
{
    const AraraConf *conf = self->conf;
    g_autofree char *id = arara_request_id(try);
    g_autofree char *url = g_strconcat(self->url, SEND_PATH, NULL);

    if (try->step == ARARA_LOOK_UP)
        return arara_look_up(self, try->token, id);
    HttpRequest *request = http_request_new("POST", url);
    oauth_put_token(&conf->oauth, request, try->token);
    http_request_take_body(request, "application/json", send_body(try, id));
    return request;
}

HttpRequest *
arara_login(const Provider *self)
{
    const AraraConf *conf = self->conf;

    return oauth_login(&conf->oauth, self->key);
}
