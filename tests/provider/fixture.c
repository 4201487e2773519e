#include "fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static char *
key_file(void)
{
    char *path = NULL;
    int fd = g_file_open_tmp("shimta-key-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, "key-of-tests\n", 13), ==, 13);
    close(fd);
    return path;
}

Provider *
fixture_open(const char *text, GError **error)
{
    g_autofree char *path = key_file();
    g_auto(GStrv) pieces = g_strsplit(text, "KEYFILE", -1);
    g_autofree char *whole = g_strjoinv(path, pieces);
    g_autoptr(ConfFile) file = conf_open_text("test.conf", whole, error);
    Provider *provider = file ? provider_open(file, "main", error) : NULL;

    if (provider && !conf_check_unknown(file, error))
        g_clear_pointer(&provider, provider_free);
    g_unlink(path);
    return provider;
}

static Provider *
account_of(const char *driver, const char *more)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strconcat("[account main]\nurl = https://api.test\n", driver, more, NULL);
    Provider *provider = fixture_open(text, &error);

    g_assert_no_error(error);
    return provider;
}

Provider *
fixture_account(const char *more)
{
    return account_of("provider = customers-mail-cloud\napi-user = user-of-tests\napi-key-file = KEYFILE\n", more);
}

Provider *
fixture_arara(const char *more)
{
    return account_of("provider = arara\nclient-id = client-of-tests\nclient-secret-file = KEYFILE\n", more);
}

Mail *
fixture_mail(const char *from, const char *text)
{
    Mail *mail = g_new0(Mail, 1);

    mail->from = mailbox_new("", from);
    mail->envelope_from = g_strdup(from);
    mail->to = g_ptr_array_new();
    mail->cc = g_ptr_array_new();
    mail->named = g_ptr_array_new();
    mail->subject = g_strdup("subject");
    mail->text = g_strdup(text);
    mail->attachments = g_ptr_array_new();
    mail->headers = g_ptr_array_new();
    mail->notes = g_ptr_array_new();
    mail->message_id = g_strdup("<m@test>");
    mail->charset = "UTF-8";
    return mail;
}

Call *
fixture_call(const char *to)
{
    Call *call = call_new("entry");
    g_auto(GStrv) words = g_strsplit(to, " ", -1);

    for (guint i = 0; words[i]; i++)
        g_ptr_array_add(call->to, mailbox_new("", words[i]));
    return call;
}

HttpResponse *
fixture_response(int status, const char *body)
{
    HttpResponse *answer = g_new0(HttpResponse, 1);

    answer->transport = HTTP_OK;
    answer->sent_whole = true;
    answer->status = status;
    answer->body = g_strdup(body);
    answer->body_length = strlen(body);
    return answer;
}

static void
transport_line(HttpResponse *answer, const char *line)
{
    static const struct {
        const char *word;
        HttpTransport transport;
        bool sent_whole;
    } words[] = {
        { "! not-sent ", HTTP_NOT_SENT, false },
        { "! broken-whole ", HTTP_BROKEN, true },
        { "! broken-part ", HTTP_BROKEN, false },
        { "! source ", HTTP_SOURCE, false },
    };

    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        if (!g_str_has_prefix(line, words[i].word))
            continue;
        answer->transport = words[i].transport;
        answer->sent_whole = words[i].sent_whole;
        answer->error = g_strchomp(g_strdup(line + strlen(words[i].word)));
        answer->body = g_strdup("");
        return;
    }
    g_error("not an answer: %s", line);
}

HttpResponse *
fixture_answer(const char *path)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    HttpResponse *answer = g_new0(HttpResponse, 1);

    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    if (text[0] == '!') {
        transport_line(answer, text);
        return answer;
    }
    char *end = strstr(text, "\n\n");
    g_assert_nonnull(end);
    answer->body = g_strdup(end + 2);
    answer->body_length = strlen(answer->body);
    *end = '\0';
    answer->transport = HTTP_OK;
    answer->sent_whole = true;
    answer->status = atoi(strchr(text, ' '));
    g_assert_cmpint(answer->status, >=, 100);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 1; lines[i]; i++) {
        if (g_str_has_prefix(lines[i], "Retry-After: "))
            answer->retry_after_ms = 1000 * g_ascii_strtoll(strchr(lines[i], ' '), NULL, 10);
        if (g_str_has_prefix(lines[i], "Content-Type: "))
            answer->content_type = g_strdup(strchr(lines[i], ' ') + 1);
    }
    return answer;
}
