/* What conversations cannot show: how replies are cut, what an idle session costs, and a handler that ends
 * the session from inside its functions. */
#include "smtp/session.h"

#include <malloc.h>
#include <string.h>

static const SmtpSettings settings = { .hostname = "mx.test", .max_bytes = 1000000, .early_talk = true };

typedef enum {
    IN_WRITE, IN_HELO, IN_MAIL, IN_RCPT, IN_DATA, IN_BYTES, IN_END, IN_RESET, IN_QUIT,
    PLACES,
} Place;
typedef enum { DO_NOTHING, DO_FREE, DO_ABORT, DO_SHUT_DOWN, DEEDS } Deed;

typedef struct {
    SmtpSession *session;
    Place place;
    Deed deed;
    bool answer_in_write, waiting;
    int open, writes, quits, inside;
    GString *said;
    GString *body; /* NULL: not wanted */
    bool dead;
} Peer;

static void
act(Peer *self, Place place)
{
    g_assert_false(self->dead);
    if (place != self->place || !self->session)
        return;
    Deed deed = self->deed;
    self->deed = DO_NOTHING;
    if (deed == DO_FREE) {
        smtp_session_free(g_steal_pointer(&self->session));
        self->dead = true;
    }
    else if (deed == DO_ABORT) {
        smtp_session_abort(self->session, NULL);
    }
    else if (deed == DO_SHUT_DOWN) {
        smtp_session_shut_down(self->session, NULL);
    }
}

static void
answer(Peer *self, int code)
{
    Reply reply = { code, NULL, (char *)"Ok" };

    if (self->answer_in_write)
        self->waiting = true;
    else if (!self->dead)
        smtp_session_resume(self->session, &reply);
}

static void
on_write(void *user, const char *bytes, size_t n)
{
    Peer *self = user;

    self->writes++;
    g_string_append_len(self->said, bytes, (gssize)n);
    act(self, IN_WRITE);
    if (self->waiting) {
        self->waiting = false;
        smtp_session_resume(self->session, &(Reply){ 250, NULL, (char *)"Answered" });
    }
}

static void
on_helo(void *user, const char *name, bool esmtp)
{
    act(user, IN_HELO);
}

static void
on_mail(void *user, const SmtpMail *mail)
{
    Peer *self = user;

    act(self, IN_MAIL);
    if (self->session && smtp_session_busy(self->session))
        self->open++;
    answer(self, 250);
}

static void
on_rcpt(void *user, const SmtpRcpt *rcpt)
{
    Peer *self = user;

    /* A group must not be executed as deep as it is long. */
    g_assert_cmpint(self->inside++, ==, 0);
    act(self, IN_RCPT);
    answer(self, 250);
    self->inside--;
}

static void
on_data_begin(void *user)
{
    act(user, IN_DATA);
    answer(user, 354);
}

static bool
on_data_bytes(void *user, const char *bytes, size_t n)
{
    Peer *self = user;

    if (self->body)
        g_string_append_len(self->body, bytes, (gssize)n);
    act(self, IN_BYTES);
    return true;
}

static void
on_data_end(void *user)
{
    act(user, IN_END);
    answer(user, 250);
}

static void
on_reset(void *user)
{
    ((Peer *)user)->open--;
    act(user, IN_RESET);
}

static void
on_quit(void *user)
{
    ((Peer *)user)->quits++;
    act(user, IN_QUIT);
}

static const SmtpHandler handler = {
    .write = on_write,
    .helo = on_helo,
    .mail = on_mail,
    .rcpt = on_rcpt,
    .data_begin = on_data_begin,
    .data_bytes = on_data_bytes,
    .data_end = on_data_end,
    .reset = on_reset,
    .quit = on_quit,
};

static void
peer_open(Peer *self)
{
    self->said = g_string_new(NULL);
    self->session = smtp_session_new(&settings, &handler, self);
}

static void
peer_say(Peer *self, const char *text)
{
    if (self->session)
        smtp_session_feed(self->session, text, strlen(text));
}

static void
peer_close(Peer *self)
{
    smtp_session_free(self->session);
    g_string_free(self->said, TRUE);
}

static const char dialogue[] = "EHLO x\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\nText\r\n..\r\n.\r\n"
                               "MAIL FROM:<a@x>\r\nRSET\r\nMAIL FROM:<a@x>\r\nQUIT\r\n";

static void
test_inside_handler(void)
{
    for (Place place = IN_HELO; place < PLACES; place++) {
        for (Deed deed = DO_FREE; deed < DEEDS; deed++) {
            Peer peer = { .place = place, .deed = deed };

            peer_open(&peer);
            peer_say(&peer, dialogue);
            g_assert_cmpint(peer.deed, ==, DO_NOTHING);
            g_assert_cmpint(peer.open, ==, 0);
            g_assert_cmpint(peer.quits, ==, deed != DO_FREE || place == IN_QUIT);
            peer_close(&peer);
        }
    }
}

static void
test_inside_write(void)
{
    for (Deed deed = DO_FREE; deed < DEEDS; deed++) {
        Peer peer = { .place = IN_WRITE };

        peer_open(&peer);
        peer.deed = deed;
        peer_say(&peer, "EHLO x\r\nMAIL FROM:<a@x>\r\n");
        peer_say(&peer, "NOOP\r\n");
        g_assert_cmpint(peer.open, ==, 0);
        peer_close(&peer);
    }
}

/* Whoever writes into a socket may find the awaited answer there. */
static void
test_answer_inside_write(void)
{
    Peer peer = { .answer_in_write = true, .place = PLACES };

    peer_open(&peer);
    peer_say(&peer, "EHLO x\r\n");
    g_string_truncate(peer.said, 0);
    peer_say(&peer, "NOOP\r\nMAIL FROM:<a@x>\r\nNOOP\r\nRSET\r\n");
    g_assert_cmpstr(peer.said->str, ==, "250 2.0.0 Ok\r\n250 Answered\r\n250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n");
    peer_close(&peer);
}

/* A client that reads once gets a whole reply; a hundred recipients cost one packet. */
static void
test_one_write(void)
{
    Peer peer = { .place = PLACES };
    g_autoptr(GString) group = g_string_new("MAIL FROM:<a@x>\r\n");

    peer_open(&peer);
    g_assert_cmpint(peer.writes, ==, 1);
    peer_say(&peer, "EHLO x\r\n");
    g_assert_cmpint(peer.writes, ==, 2);
    g_assert_nonnull(strstr(peer.said->str, "\r\n250 ENHANCEDSTATUSCODES\r\n"));
    for (int i = 0; i < 100; i++)
        g_string_append_printf(group, "RCPT TO:<r%d@y>\r\n", i);
    g_string_append(group, "DATA\r\n");
    peer_say(&peer, group->str);
    g_assert_cmpint(peer.writes, ==, 3);
    g_assert_true(g_str_has_suffix(peer.said->str, "354 Ok\r\n"));
    peer_close(&peer);
    g_assert_cmpint(peer.open, ==, 0);
}

/* Octets allocated, or 0 where that is not known: under a sanitizer, with an old or another libc. */
static size_t
allocated(void)
{
#if defined __GLIBC__ && __GLIBC_PREREQ(2, 33)
    return mallinfo2().uordblks;
#else
    return 0;
#endif
}

static void
test_idle_memory(void)
{
    enum { SESSIONS = 1000 };
    SmtpSession *sessions[SESSIONS];
    Peer peer = { .place = PLACES, .said = g_string_sized_new(1 << 20) };
    size_t before = allocated();

    for (int i = 0; i < SESSIONS; i++) {
        peer.session = sessions[i] = smtp_session_new(&settings, &handler, &peer);
        peer_say(&peer, "EHLO x\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n");
        peer_say(&peer, "Text\r\n.\r\nNOO");
        peer_say(&peer, "P\r\n");
        g_assert_cmpint(smtp_session_phase(peer.session), ==, SMTP_PHASE_COMMAND);
    }
    size_t each = (allocated() - before) / SESSIONS;
    if (before == 0)
        g_test_skip("allocations cannot be counted here");
    g_test_message("%zu octets for an idle session", each);
    g_assert_cmpuint(each, <, 1536);
    for (int i = 0; i < SESSIONS; i++)
        smtp_session_free(sessions[i]);
    g_string_free(peer.said, TRUE);
}

/* A line without an end must not be kept. */
static void
test_line_memory(void)
{
    g_autofree char *piece = g_strnfill(1000, 'x');
    Peer peer = { .place = PLACES };

    peer_open(&peer);
    size_t before = allocated();
    for (int i = 0; i < 65; i++) {
        peer_say(&peer, piece);
        g_assert_cmpuint(allocated(), <, before + 8192);
    }
    g_assert_cmpint(peer.quits, ==, 0);
    peer_say(&peer, piece);
    g_assert_cmpint(peer.quits, ==, 1);
    peer_close(&peer);
}

/* A million chunks cost what one does. */
static void
test_chunk_memory(void)
{
    Peer peer = { .place = PLACES };
    g_autoptr(GString) many = g_string_new(NULL);

    for (int i = 0; i < 1000; i++)
        g_string_append(many, "BDAT 1\r\nx");
    peer_open(&peer);
    peer_say(&peer, "EHLO x\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n");
    peer_say(&peer, many->str);
    g_string_truncate(peer.said, 0);
    size_t before = allocated();
    for (int i = 0; i < 999; i++) {
        peer_say(&peer, many->str);
        g_assert_cmpuint(peer.said->len, ==, 1000 * strlen("250 2.0.0 Ok\r\n"));
        g_string_truncate(peer.said, 0);
    }
    g_assert_cmpuint(allocated(), <, before + 65536);
    peer_say(&peer, "BDAT 1 LAST\r\nx");
    g_assert_true(g_str_has_prefix(peer.said->str, "552 "));
    peer_say(&peer, "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n");
    peer_say(&peer, "BDAT 800000000 LAST\r\n");
    before = allocated();
    g_string_truncate(many, 10000);
    for (int i = 0; i < 10000; i++)
        peer_say(&peer, many->str);
    g_assert_cmpuint(allocated(), <, before + 65536);
    peer_close(&peer);
    g_assert_cmpint(peer.open, ==, 0);
}

/* Random text with all that DATA has to escape, or must not take for its end. */
static GString *
random_mail(void)
{
    static const char *const pieces[] = { ".", "..", "\r\n", "\n", "\r", "\r\n.\n", "\n.\r\n", "\r\n..", "x", "QUIT\r\n" };
    GString *mail = g_string_new(NULL);

    for (int n = g_test_rand_int_range(0, 30); n > 0; n--)
        g_string_append(mail, pieces[g_test_rand_int_range(0, G_N_ELEMENTS(pieces))]);
    return g_string_append(mail, "\r\n");
}

static void
by_data(Peer *peer, const GString *mail)
{
    g_autoptr(GString) wire = g_string_new("DATA\r\n");

    for (gsize i = 0; i < mail->len; i++) {
        bool starts = i == 0 || (i >= 2 && memcmp(mail->str + i - 2, "\r\n", 2) == 0);
        g_string_append(wire, starts && mail->str[i] == '.' ? "." : "");
        g_string_append_c(wire, mail->str[i]);
    }
    g_string_append(wire, ".\r\n");
    peer_say(peer, wire->str);
}

static void
by_chunks(Peer *peer, const GString *mail)
{
    for (gsize at = 0, n; at < mail->len; at += n) {
        g_autoptr(GString) wire = g_string_new(NULL);
        n = (gsize)g_test_rand_int_range(1, 20);
        n = MIN(n, mail->len - at);
        g_string_printf(wire, "BDAT %zu%s\r\n", n, at + n == mail->len && g_test_rand_bit() ? " LAST" : "");
        bool last = g_str_has_suffix(wire->str, "LAST\r\n");
        g_string_append_len(wire, mail->str + at, (gssize)n);
        if (at + n == mail->len && !last)
            g_string_append(wire, "BDAT 0 LAST\r\n");
        peer_say(peer, wire->str);
    }
}

static void
test_same_bytes(void)
{
    for (int i = 0; i < 2000; i++) {
        Peer peer = { .place = PLACES };
        g_autoptr(GString) mail = random_mail();

        peer.body = g_string_new(NULL);
        peer_open(&peer);
        peer_say(&peer, "EHLO x\r\n");
        for (int way = 0; way < 2; way++) {
            peer_say(&peer, "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n");
            g_string_truncate(peer.body, 0);
            (way ? by_chunks : by_data)(&peer, mail);
            g_assert_cmpmem(peer.body->str, peer.body->len, mail->str, mail->len);
            g_assert_cmpint(peer.open, ==, 0);
        }
        g_assert_cmpint(peer.quits, ==, 0);
        peer_close(&peer);
        g_string_free(peer.body, TRUE);
    }
}

/* A handler that ends the session where a chunk is refused. */
static void
test_inside_refusal(void)
{
    for (Place place = IN_DATA; place <= IN_RESET; place++) {
        for (Deed deed = DO_FREE; deed < DEEDS; deed++) {
            Peer peer = { .place = place, .deed = deed };

            peer_open(&peer);
            peer_say(&peer, "EHLO x\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nBDAT 2\r\nab");
            peer_say(&peer, "BDAT 1000000\r\nx");
            g_assert_cmpint(peer.open, ==, 0);
            peer_close(&peer);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/session/inside-handler", test_inside_handler);
    g_test_add_func("/session/inside-write", test_inside_write);
    g_test_add_func("/session/answer-inside-write", test_answer_inside_write);
    g_test_add_func("/session/one-write", test_one_write);
    g_test_add_func("/session/idle-memory", test_idle_memory);
    g_test_add_func("/session/line-memory", test_line_memory);
    g_test_add_func("/session/chunk-memory", test_chunk_memory);
    g_test_add_func("/session/same-bytes", test_same_bytes);
    g_test_add_func("/session/inside-refusal", test_inside_refusal);
    return g_test_run();
}
