#include "mail/recipients.h"

/* "Name <a@x>" by hand: "Name|a@x". */
static GPtrArray *
mailboxes(const char *text)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)mailbox_free);
    g_auto(GStrv) words = g_strsplit(text, " ", -1);

    for (char **word = words; *word; word++) {
        if (!**word)
            continue;
        g_auto(GStrv) halves = g_strsplit(*word, "|", 2);
        g_ptr_array_add(list, halves[1] ? mailbox_new(halves[0], halves[1]) : mailbox_new("", halves[0]));
    }
    return list;
}

static char *
print(const GPtrArray *list)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < list->len; i++) {
        const Mailbox *mailbox = list->pdata[i];
        g_string_append_printf(out, "%s%s%s%s", i ? " " : "", mailbox->name, *mailbox->name ? "|" : "",
                               mailbox->address);
    }
    return g_string_free(out, FALSE);
}

static const struct {
    const char *envelope, *header_to, *header_cc;
    const char *to, *cc, *hidden;
    bool to_complete, cc_complete;
} rows[] = {
    { "a@x", "A|a@x", "", "A|a@x", "", "", true, true },
    { "a@x b@x c@x", "c@x a@x", "b@x", "c@x a@x", "b@x", "", true, true },
    { "a@x h@x", "A|a@x", "", "A|a@x", "", "h@x", true, true },
    { "a@x", "a@x outsider@x", "other@x", "a@x", "", "", false, false },
    { "h1@x h2@x", "", "", "", "", "h1@x h2@x", true, true },
    { "Root@X", "N|rOOt@x", "", "N|Root@X", "", "", true, true }, /* the envelope's spelling */
    { "a@x", "a@x", "a@x", "a@x", "", "", true, true },           /* in both: To */
    { "a@x", "One|a@x Two|A@X", "", "One|a@x", "", "", true, true },
    { "a@xn--r8jz45g.jp", "J|a@\xe4\xbe\x8b\xe3\x81\x88.jp", "", "J|a@xn--r8jz45g.jp", "", "", true, true },
};

static void
test_classify(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Envelope) envelope = envelope_new("s@x");
        g_autoptr(GPtrArray) header_to = mailboxes(rows[i].header_to);
        g_autoptr(GPtrArray) header_cc = mailboxes(rows[i].header_cc);
        g_auto(GStrv) addresses = g_strsplit(rows[i].envelope, " ", -1);
        Mail mail = { .to = header_to, .cc = header_cc };

        for (char **address = addresses; *address; address++)
            envelope_add_recipient(envelope, *address);
        g_autoptr(Recipients) got = recipients_classify(envelope->recipients, &mail);
        g_autofree char *to = print(got->to);
        g_autofree char *cc = print(got->cc);
        g_autofree char *hidden = print(got->hidden);

        g_assert_cmpstr(to, ==, rows[i].to);
        g_assert_cmpstr(cc, ==, rows[i].cc);
        g_assert_cmpstr(hidden, ==, rows[i].hidden);
        g_assert_cmpint(got->to_complete, ==, rows[i].to_complete);
        g_assert_cmpint(got->cc_complete, ==, rows[i].cc_complete);
    }
}

/* Random envelopes against random headers: everyone stands in exactly one place, nobody else
 * in any, and a hidden one in no header. */
static void
test_random(void)
{
    for (guint round = 0; round < 500; round++) {
        g_autoptr(Envelope) envelope = envelope_new("s@x");
        g_autoptr(GPtrArray) to = mailboxes("");
        g_autoptr(GPtrArray) cc = mailboxes("");
        g_autoptr(GHashTable) placed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        Mail mail = { .to = to, .cc = cc };

        for (guint i = 0; i < 20; i++) {
            g_autofree char *address = g_strdup_printf("u%d@x", g_test_rand_int_range(0, 12));
            switch (g_test_rand_int_range(0, 3)) {
            case 0:
                envelope_add_recipient(envelope, address);
                break;
            case 1:
                g_ptr_array_add(to, mailbox_new("", address));
                break;
            default:
                g_ptr_array_add(cc, mailbox_new("", address));
            }
        }
        g_autoptr(Recipients) got = recipients_classify(envelope->recipients, &mail);
        GPtrArray *lists[] = { got->to, got->cc, got->hidden };
        for (guint i = 0; i < 3; i++)
            for (guint j = 0; j < lists[i]->len; j++) {
                const Mailbox *mailbox = lists[i]->pdata[j];
                g_assert_true(g_hash_table_add(placed, address_key(mailbox->address)));
            }
        g_assert_cmpuint(g_hash_table_size(placed), ==, envelope->recipients->len);
        for (guint i = 0; i < envelope->recipients->len; i++) {
            const EnvelopeRecipient *recipient = envelope->recipients->pdata[i];
            g_assert_true(g_hash_table_contains(placed, recipient->address));
        }
        for (guint i = 0; i < got->hidden->len; i++)
            for (guint j = 0; j < to->len + cc->len; j++) {
                const Mailbox *named = j < to->len ? to->pdata[j] : cc->pdata[j - to->len];
                const Mailbox *hidden = got->hidden->pdata[i];
                g_assert_false(address_same(named->address, hidden->address));
            }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/recipients/classify", test_classify);
    g_test_add_func("/recipients/random", test_random);
    return g_test_run();
}
