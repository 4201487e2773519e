#include "site.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_S = 120 };

static void
on_reply(Waiter *waiter, const Reply *reply)
{
    Guest *guest = (Guest *) waiter;
    GString *line = g_string_new(NULL);

    reply_print(reply, line);
    guest->replies++;
    guest->code = reply->code;
    g_free(guest->line);
    guest->line = g_string_free(line, FALSE);
}

void
site_open(Site *self, const char *keys, const char *account)
{
    g_autofree char *key_path = NULL;
    int fd = g_file_open_tmp("shimta-key-XXXXXX", &key_path, NULL);
    g_assert_cmpint(write(fd, "key-of-tests\n", 13), ==, 13);
    close(fd);
    g_autofree char *template = g_strdup_printf("[shimta]\naccount = main\n%s\n" ACCOUNT("main", "api.test") "%s\n", keys,
                                                account);
    g_auto(GStrv) pieces = g_strsplit(template, "KEYFILE", -1);
    g_autofree char *text = g_strjoinv(key_path, pieces);
    g_autoptr(GError) error = NULL;
    g_autoptr(ConfFile) file = conf_open_text("test.conf", text, &error);
    g_assert_no_error(error);

    alarm(PATIENCE_S); /* a test that waits for what never comes is red, not endless */
    *self = (Site) { 0 };
    self->settings = relay_settings_open(file, "here.test", &error);
    g_assert_no_error(error);
    g_unlink(key_path);
    fake_http_reset();
    uv_loop_init(&self->loop);
    self->relay = relay_new(&self->loop, self->settings);
    for (guint i = 0; i < GUESTS; i++)
        self->guests[i].waiter.reply = on_reply;
}

void
site_close(Site *self)
{
    relay_close(self->relay);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(&self->loop), ==, 0);
    relay_settings_free(self->settings);
    for (guint i = 0; i < GUESTS; i++)
        g_free(self->guests[i].line);
}

Entry *
entry_of(const char *message, const char *recipients)
{
    Envelope *envelope = envelope_new("me@from.test");
    Spool *spool = spool_new(1 << 20, NULL);
    Scan *scan = scan_new();
    g_auto(GStrv) words = g_strsplit(recipients, " ", -1);

    envelope->client = g_strdup("127.0.0.1");
    for (guint i = 0; words[i] && *words[i]; i++)
        envelope_add_recipient(envelope, words[i]);
    spool_append(spool, message, strlen(message));
    g_assert_true(spool_finish(spool, NULL));
    scan_push(scan, message, strlen(message));
    scan_finish(scan);
    return entry_new(envelope, spool, scan);
}

void
deliver(Site *self, guint guest, const char *message, const char *recipients)
{
    relay_deliver(self->relay, entry_of(message, recipients), &self->guests[guest].waiter);
    g_assert_cmpuint(self->guests[guest].replies, ==, 0);
}

void
run_until_open(Site *self, guint n)
{
    while (fake_http.open->len < n) {
        g_assert_true(uv_loop_alive(&self->loop));
        uv_run(&self->loop, UV_RUN_ONCE);
    }
}

void
run_until_translated(Site *self)
{
    /* A turn of the loop starts what its lane holds. */
    while (uv_run(&self->loop, UV_RUN_NOWAIT), self->loop.active_reqs.count > 0)
        uv_run(&self->loop, UV_RUN_ONCE);
}

void
run_until_reply(Site *self, guint guest)
{
    while (self->guests[guest].replies == 0) {
        g_assert_true(uv_loop_alive(&self->loop));
        uv_run(&self->loop, UV_RUN_ONCE);
    }
}

void
run_out(Site *self)
{
    while (uv_run(&self->loop, UV_RUN_ONCE))
        ;
}
