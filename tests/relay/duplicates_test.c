#include "relay/duplicates.h"

#include "base/clock.h"

#include <malloc.h>
#include <string.h>

enum { WINDOW_MS = 600 * 1000, GUESTS = 5 };

typedef struct {
    DuplicateGuest guest;
    guint answers;
    int code;
    char *text;
    void (*then)(void); /* during the answer */
} Client;

static Client clients[GUESTS];
static const char *const ids[GUESTS] = { NULL, "one", "two", "three" };
static Duplicates *duplicates;

static void
on_answer(DuplicateGuest *guest, const Reply *reply, const GArray *each)
{
    Client *client = (Client *) guest;

    client->answers++;
    client->code = reply->code;
    g_free(client->text);
    client->text = g_strdup(reply->text);
    if (client->then)
        client->then();
}

static void
begin(gint64 window_ms, guint max)
{
    duplicates = duplicates_new(window_ms, max);
    for (guint i = 0; i < GUESTS; i++)
        clients[i] = (Client) { .guest.answer = on_answer };
}

static void
end(void)
{
    for (guint i = 0; i < GUESTS; i++)
        g_free(clients[i].text);
    duplicates_free(duplicates);
}

static DuplicateVerdict
meet(guint key, guint client, const char *known)
{
    Reply reply = { 0 };
    DuplicateVerdict verdict = duplicates_meet(duplicates, &(DuplicateKey) { 7, key }, &clients[client].guest, &reply);

    g_assert_cmpstr(reply.text, ==, known);
    g_assert_cmpint(reply.code, ==, known ? 250 : 0);
    reply_clear(&reply);
    return verdict;
}

static void
settle(guint client, int code, const char *text)
{
    const Reply reply = { code, "x", (char *) text };

    duplicates_settle(duplicates, &clients[client].guest, ids[client], &reply, NULL);
}

static void
test_known(void)
{
    begin(WINDOW_MS, 10);
    g_assert_cmpint(meet(1, 0, NULL), ==, DUPLICATE_FRESH);
    g_assert_cmpint(meet(2, 1, NULL), ==, DUPLICATE_FRESH);
    settle(0, 250, "Ok: queued as A\nB");
    settle(1, 554, "No");
    settle(1, 250, "not his any more");
    g_assert_cmpint(meet(1, 2, "Ok: queued as A\nB"), ==, DUPLICATE_KNOWN);
    g_assert_cmpint(meet(2, 2, NULL), ==, DUPLICATE_FRESH); /* only a 250 is remembered */
    settle(2, 250, "now");
    clock_skip(WINDOW_MS - 1);
    g_assert_cmpint(meet(2, 2, "now"), ==, DUPLICATE_KNOWN);
    clock_skip(1);
    g_assert_cmpint(meet(2, 2, NULL), ==, DUPLICATE_FRESH); /* hearing it did not prolong it */
    g_assert_cmpuint(duplicates_size(duplicates), ==, 1);
    g_assert_null(duplicates_leave(duplicates, &clients[2].guest));
    end();
}

static void
test_joined(void)
{
    begin(WINDOW_MS, 10);
    g_assert_cmpint(meet(1, 0, NULL), ==, DUPLICATE_FRESH);
    g_assert_false(duplicates_joined(&clients[0].guest));
    for (guint i = 1; i < 4; i++)
        g_assert_cmpint(meet(1, i, NULL), ==, DUPLICATE_JOINED);
    g_assert_true(duplicates_joined(&clients[0].guest));
    g_assert_false(duplicates_joined(&clients[1].guest));
    g_assert_null(duplicates_leave(duplicates, &clients[2].guest));
    settle(1, 250, "no host"); /* nothing happens */
    g_assert_cmpuint(clients[3].answers, ==, 0);
    settle(0, 451, "Later");
    for (guint i = 0; i < 4; i++)
        g_assert_cmpuint(clients[i].answers, ==, i == 1 || i == 3);
    g_assert_cmpint(clients[1].code, ==, 451);
    g_assert_cmpstr(clients[3].text, ==, "Later");
    g_assert_cmpuint(duplicates_size(duplicates), ==, 0);
    g_assert_null(duplicates_leave(duplicates, &clients[1].guest));
    end();
}

/* The host goes: his mail is that of who joined first. */
static void
test_left(void)
{
    begin(WINDOW_MS, 10);
    meet(1, 0, NULL);
    meet(1, 1, NULL);
    meet(1, 2, NULL);
    g_assert_true(duplicates_leave(duplicates, &clients[0].guest) == &clients[1].guest);
    g_assert_cmpint(meet(1, 0, NULL), ==, DUPLICATE_JOINED); /* he is back */
    settle(1, 250, "Ok");
    g_assert_cmpuint(clients[0].answers, ==, 1);
    g_assert_cmpuint(clients[1].answers, ==, 0);
    g_assert_cmpuint(clients[2].answers, ==, 1);
    g_assert_cmpint(meet(1, 3, "Ok"), ==, DUPLICATE_KNOWN);
    end();
}

static void
leave_and_come_back(void)
{
    g_assert_null(duplicates_leave(duplicates, &clients[2].guest));
    g_assert_cmpint(meet(1, 4, NULL), ==, DUPLICATE_FRESH);
}

/* Who is answered may do anything. */
static void
test_during_answer(void)
{
    begin(WINDOW_MS, 10);
    meet(1, 0, NULL);
    for (guint i = 1; i < 4; i++)
        meet(1, i, NULL);
    clients[1].then = leave_and_come_back;
    settle(0, 554, "No");
    g_assert_cmpuint(clients[2].answers, ==, 0);
    g_assert_cmpuint(clients[3].answers, ==, 1);
    g_assert_cmpuint(clients[4].answers, ==, 0);
    settle(4, 250, "Ok");
    g_assert_cmpint(meet(1, 0, "Ok"), ==, DUPLICATE_KNOWN);
    end();
}

static void
test_bounds(void)
{
    begin(WINDOW_MS, 3);
    for (guint key = 1; key <= 5; key++) {
        meet(key, 0, NULL);
        settle(0, 250, "Ok");
    }
    g_assert_cmpuint(duplicates_size(duplicates), ==, 3);
    g_assert_cmpint(meet(2, 0, NULL), ==, DUPLICATE_FRESH);
    g_assert_cmpint(meet(3, 1, "Ok"), ==, DUPLICATE_KNOWN);
    settle(0, 250, "Ok");

    /* A reply of many lines is remembered by its first. */
    g_autoptr(GString) text = g_string_new("Ok: queued as 0");
    for (guint i = 1; i < 100; i++)
        g_string_append_printf(text, "\n<%020u@api.test>", i);
    Reply reply = { 0 };
    meet(9, 0, NULL);
    settle(0, 250, text->str);
    g_assert_cmpint(duplicates_meet(duplicates, &(DuplicateKey) { 7, 9 }, &clients[0].guest, &reply), ==, DUPLICATE_KNOWN);
    g_assert_cmpuint(strlen(reply.text), <, DUPLICATE_TEXT_BYTES);
    g_assert_true(g_str_has_prefix(text->str, reply.text) && text->str[strlen(reply.text)] == '\n');
    reply_clear(&reply);
    end();
}

static void
test_off(void)
{
    begin(0, 10);
    meet(1, 0, NULL);
    settle(0, 250, "Ok");
    g_assert_cmpint(meet(1, 1, NULL), ==, DUPLICATE_FRESH);
    g_assert_cmpint(meet(1, 2, NULL), ==, DUPLICATE_FRESH);
    g_assert_null(duplicates_leave(duplicates, &clients[1].guest));
    duplicates_remember(duplicates, &(DuplicateKey) { 7, 1 }, clock_now(), NULL, "Ok");
    g_assert_cmpuint(duplicates_size(duplicates), ==, 0);
    end();
}

/* What a journal tells after a restart. */
static void
test_remembered(void)
{
    gint64 now = clock_now();

    clock_freeze(now);
    begin(WINDOW_MS, 10);
    duplicates_remember(duplicates, &(DuplicateKey) { 7, 1 }, now - WINDOW_MS, NULL, "too old");
    duplicates_remember(duplicates, &(DuplicateKey) { 7, 2 }, now - WINDOW_MS + 1000, NULL, "old");
    duplicates_remember(duplicates, &(DuplicateKey) { 7, 3 }, now + 5000, NULL, "of the future");
    g_assert_cmpint(meet(1, 0, NULL), ==, DUPLICATE_FRESH);
    g_assert_cmpint(meet(2, 1, "old"), ==, DUPLICATE_KNOWN);
    clock_skip(1000);
    g_assert_cmpint(meet(2, 1, NULL), ==, DUPLICATE_FRESH);
    g_assert_cmpint(meet(3, 2, "of the future"), ==, DUPLICATE_KNOWN);
    clock_skip(WINDOW_MS);
    g_assert_cmpint(meet(3, 2, NULL), ==, DUPLICATE_FRESH);
    for (guint i = 0; i < 3; i++)
        duplicates_leave(duplicates, &clients[i].guest);
    end();
    clock_freeze(-1);
}

/* What was promised is not kept: the operator deleted it, or its sender has been told. */
static void
test_forgotten(void)
{
    begin(WINDOW_MS, 2);
    meet(1, 1, NULL);
    settle(1, 250, "one");
    meet(2, 2, NULL);
    settle(2, 250, "two");
    g_assert_false(duplicates_forget(duplicates, "three"));
    g_assert_true(duplicates_forget(duplicates, "one"));
    g_assert_false(duplicates_forget(duplicates, "one"));
    g_assert_cmpint(meet(2, 0, "two"), ==, DUPLICATE_KNOWN);
    g_assert_cmpint(meet(1, 3, NULL), ==, DUPLICATE_FRESH); /* the same mail is another entry now */
    settle(3, 250, "three");
    g_assert_false(duplicates_forget(duplicates, "one"));
    g_assert_cmpint(meet(1, 0, "three"), ==, DUPLICATE_KNOWN);
    meet(3, 0, NULL);
    settle(0, 250, "the third: the oldest goes, with its id");
    g_assert_false(duplicates_forget(duplicates, "two"));
    duplicates_remember(duplicates, &(DuplicateKey) { 7, 4 }, clock_now(), "four", "of a journal");
    g_assert_true(duplicates_forget(duplicates, "four"));
    end();
}

#define ID "Message-ID: <a@b>\r\n"

static const struct {
    const char *sender, *recipients, *listener, *user;
    bool from_headers;
    const char *mail;
    bool same; /* as the first row */
} rows[] = {
    { "a@x.test", "b@y.test c@y.test", "lan", NULL, false, ID "\r\nhi\r\n", true },
    { "a@X.test", "C@y.test b@Y.TEST", "lan", NULL, false, ID "\r\nhi\r\n", true },
    { "", "b@y.test c@y.test", "lan", NULL, false, ID "\r\nhi\r\n", false },
    { "a@x.test", "b@y.test", "lan", NULL, false, ID "\r\nhi\r\n", false },
    { "a@x.test", "b@y.test c@y.test d@y.test", "lan", NULL, false, ID "\r\nhi\r\n", false },
    { "a@x.test", "b@y.test c@y.test", "wan", NULL, false, ID "\r\nhi\r\n", false },
    { "a@x.test", "b@y.test c@y.test", "lan", "me", false, ID "\r\nhi\r\n", false },
    { "a@x.test", "b@y.test c@y.test", "lan", NULL, true, ID "\r\nhi\r\n", false },
    { "a@x.test", "b@y.test c@y.test", "lan", NULL, false, ID "\r\nho\r\n", false },
    { "a@x.test", "b@y.test c@y.test", "lan", NULL, false, "Message-ID: <b@b>\r\n\r\nhi\r\n", false },
};

static bool
key_as(const Envelope *envelope, const char *mail, DuplicateKey *key)
{
    g_autoptr(Scan) scan = scan_new();

    scan_push(scan, mail, strlen(mail));
    scan_finish(scan);
    return duplicate_key(key, envelope, scan);
}

static bool
key_of(guint row, DuplicateKey *key)
{
    g_autoptr(Envelope) envelope = envelope_new(rows[row].sender);
    g_auto(GStrv) words = g_strsplit(rows[row].recipients, " ", -1);

    for (char **word = words; *word; word++)
        envelope_add_recipient(envelope, *word);
    envelope->listener = g_strdup(rows[row].listener);
    envelope->user = g_strdup(rows[row].user);
    envelope->from_headers = rows[row].from_headers;
    return key_as(envelope, rows[row].mail, key);
}

/* What is not an address belongs to the envelope, too. */
static void
test_key_facts(void)
{
    enum { FACTS = 8 };
    DuplicateKey keys[FACTS];

    for (guint i = 0; i < FACTS; i++) {
        g_autoptr(Envelope) envelope = envelope_new("a@x.test");
        EnvelopeRecipient *one = envelope_add_recipient(envelope, "b@y.test");
        char **const facts[FACTS] = { NULL, &envelope->auth, &envelope->tls_client, &envelope->ret, &envelope->envid,
                                      &envelope->notify, &one->notify, &one->orcpt };
        if (facts[i])
            *facts[i] = g_strdup("x");
        g_assert_true(key_as(envelope, ID "\r\nhi\r\n", &keys[i]));
        for (guint k = 0; k < i; k++)
            g_assert_false(keys[i].high == keys[k].high && keys[i].low == keys[k].low);
    }
}

static void
key_of_names(const char *names, bool each, DuplicateKey *key)
{
    g_autoptr(Envelope) envelope = envelope_new("a@x.test");
    g_auto(GStrv) words = g_strsplit(names, " ", -1);

    for (char **word = words; *word; word++) {
        const EnvelopeRecipient *recipient = envelope_add_recipient(envelope, *word);
        GArray *places = g_array_new(FALSE, FALSE, sizeof(guint));
        g_array_append_val(places, recipient->place);
        if (each)
            envelope_expect(envelope, places);
        else
            g_array_unref(places);
    }
    g_assert_true(key_as(envelope, ID "\r\nhi\r\n", key));
}

/* Who hears of each name is answered name by name: as many, in the same order. */
static void
test_key_names(void)
{
    static const char *const names[] = { "b@y.test c@y.test", "B@y.test c@Y.test", "c@y.test b@y.test",
                                         "b@y.test c@y.test b@y.test" };
    static const bool same[][G_N_ELEMENTS(names)] = { { true, true, true, true }, { true, true, false, false } };

    for (guint each = 0; each < G_N_ELEMENTS(same); each++) {
        DuplicateKey first, key;
        key_of_names(names[0], each, &first);
        for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
            key_of_names(names[i], each, &key);
            g_assert_cmpint(key.high == first.high && key.low == first.low, ==, same[each][i]);
        }
    }
}

static void
test_key(void)
{
    DuplicateKey first, key, again;
    char text[DUPLICATE_HEX_BYTES];

    g_assert_true(key_of(0, &first));
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_true(key_of(i, &key));
        g_assert_cmpint(key.high == first.high && key.low == first.low, ==, rows[i].same);
    }
    g_autoptr(Envelope) envelope = envelope_new("a@b");
    g_autoptr(Scan) scan = scan_new();
    scan_finish(scan);
    g_assert_false(duplicate_key(&key, envelope, scan));

    duplicate_key_print(&first, text);
    g_assert_cmpuint(strlen(text), ==, DUPLICATE_HEX_BYTES - 1);
    g_assert_true(duplicate_key_parse(&again, text));
    g_assert_true(again.high == first.high && again.low == first.low);
    g_assert_false(duplicate_key_parse(&again, text + 1));
    text[20] = 'x';
    g_assert_false(duplicate_key_parse(&again, text));
}

static void
test_memory(void)
{
    struct mallinfo2 before = mallinfo2();

    begin(WINDOW_MS, DUPLICATES_MAX);
    for (guint key = 0; key < DUPLICATES_MAX; key++) {
        g_autofree char *text = g_strdup_printf("Ok: queued as <%032u@api.example.jp>", key);
        duplicates_remember(duplicates, &(DuplicateKey) { key, key * 2654435761u }, clock_now(), NULL, text);
    }
    struct mallinfo2 after = mallinfo2();
    gsize bytes = (after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) / DUPLICATES_MAX;
    g_test_message("%zu bytes per result", bytes); /* 0 where the allocator is another */
    g_assert_cmpuint(bytes, <=, 160);
    g_assert_cmpuint(duplicates_size(duplicates), ==, DUPLICATES_MAX);
    end();
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/duplicates/known", test_known);
    g_test_add_func("/duplicates/joined", test_joined);
    g_test_add_func("/duplicates/left", test_left);
    g_test_add_func("/duplicates/during-answer", test_during_answer);
    g_test_add_func("/duplicates/bounds", test_bounds);
    g_test_add_func("/duplicates/off", test_off);
    g_test_add_func("/duplicates/remembered", test_remembered);
    g_test_add_func("/duplicates/forgotten", test_forgotten);
    g_test_add_func("/duplicates/key", test_key);
    g_test_add_func("/duplicates/key-names", test_key_names);
    g_test_add_func("/duplicates/key-facts", test_key_facts);
    g_test_add_func("/duplicates/memory", test_memory);
    return g_test_run();
}
