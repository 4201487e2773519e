#include "fixture.h"

#include <string.h>

/* The four properties that every driver's calls must have, on random sets of recipients. */

static GPtrArray *
random_list(const char *prefix, guint max)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify) mailbox_free);
    guint n = (guint) g_test_rand_int_range(0, (gint32) max + 1);

    for (guint i = 0; i < n; i++) {
        g_autofree char *address = g_strdup_printf("%s%u@x.test", prefix, i);
        g_ptr_array_add(list, mailbox_new(prefix, address));
    }
    return list;
}

static bool
holds(const GPtrArray *list, const char *address)
{
    for (guint i = 0; i < list->len; i++) {
        const Mailbox *box = list->pdata[i];
        if (g_str_equal(box->address, address))
            return true;
    }
    return false;
}

static void
check_call(const Provider *provider, const Recipients *recipients, const Call *call, GHashTable *seen)
{
    g_assert_cmpuint(call->to->len, >=, 1);
    g_assert_cmpuint(call->to->len, <=, provider->limits.to);
    g_assert_cmpuint(call->cc->len, <=, provider->limits.cc);
    g_assert_cmpuint(call->bcc->len, <=, provider->limits.bcc);
    for (guint i = 0; i < call_size(call); i++) {
        const char *address = call_recipient(call, i)->address;
        bool hidden = holds(recipients->hidden, address);
        g_assert_true(g_hash_table_add(seen, g_strdup(address))); /* nobody twice */
        g_assert_true(hidden || holds(recipients->to, address) || holds(recipients->cc, address));
        if (hidden && i < call->to->len + call->cc->len)
            g_assert_cmpuint(call_size(call), ==, 1); /* shown to itself alone */
        if (!hidden)
            g_assert_cmpuint(i, <, call->to->len + call->cc->len);
    }
}

static void
test_properties(void)
{
    g_autoptr(Provider) provider = fixture_account("");
    g_autoptr(Mail) mail = fixture_mail("me@x.test", "t");

    for (guint round = 0; round < 3000; round++) {
        guint max = round % 2 ? 4 : 45;
        Recipients recipients = { random_list("to", max), random_list("cc", max), random_list("hidden", max), true, true };
        g_autoptr(GPtrArray) calls = provider->driver->partition(provider, mail, &recipients, "entry");
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_autoptr(GHashTable) keys = g_hash_table_new(g_str_hash, g_str_equal);

        for (guint i = 0; i < calls->len; i++) {
            const Call *call = calls->pdata[i];
            check_call(provider, &recipients, call, seen);
            g_assert_true(g_hash_table_add(keys, call->key));
        }
        g_assert_cmpuint(g_hash_table_size(seen), ==,
                         recipients.to->len + recipients.cc->len + recipients.hidden->len);
        g_ptr_array_unref(recipients.to);
        g_ptr_array_unref(recipients.cc);
        g_ptr_array_unref(recipients.hidden);
    }
}

/* The contract's table: how many To, Cc and hidden recipients make which calls ("to+cc+bcc"). */
static const struct {
    guint to, cc, hidden;
    const char *calls;
} rows[] = {
    { 1, 0, 0, "1+0+0" },
    { 10, 10, 10, "10+10+10" },
    { 2, 1, 1, "2+1+1" },
    { 0, 1, 0, "1+0+0" },
    { 0, 3, 2, "1+2+2" },
    { 0, 11, 0, "1+10+0" },
    { 0, 12, 0, "1+10+0 1+0+0" },
    { 0, 0, 1, "1+0+0" },
    { 0, 0, 3, "1+0+0 1+0+0 1+0+0" },
    { 11, 0, 0, "10+0+0 1+0+0" },
    { 12, 15, 0, "10+10+0 2+5+0" },
    { 1, 21, 0, "1+10+0 1+10+0" },
    { 1, 0, 12, "1+0+10 1+0+0 1+0+0" },
    { 11, 0, 12, "10+0+10 1+0+2" },
    { 0, 0, 0, "" },
};

static GPtrArray *
list_of(const char *prefix, guint n)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify) mailbox_free);

    for (guint i = 0; i < n; i++) {
        g_autofree char *address = g_strdup_printf("%s%u@x.test", prefix, i);
        g_ptr_array_add(list, mailbox_new("", address));
    }
    return list;
}

static void
test_table(void)
{
    g_autoptr(Provider) provider = fixture_account("");
    g_autoptr(Mail) mail = fixture_mail("me@x.test", "t");

    for (guint r = 0; r < G_N_ELEMENTS(rows); r++) {
        Recipients recipients = { list_of("to", rows[r].to), list_of("cc", rows[r].cc), list_of("hid", rows[r].hidden),
                                  true, true };
        g_autoptr(GPtrArray) calls = provider->driver->partition(provider, mail, &recipients, "entry");
        g_autoptr(GString) shape = g_string_new(NULL);

        for (guint i = 0; i < calls->len; i++) {
            const Call *call = calls->pdata[i];
            g_string_append_printf(shape, "%s%u+%u+%u", i ? " " : "", call->to->len, call->cc->len, call->bcc->len);
        }
        g_assert_cmpstr(shape->str, ==, rows[r].calls);
        g_ptr_array_unref(recipients.to);
        g_ptr_array_unref(recipients.cc);
        g_ptr_array_unref(recipients.hidden);
    }
}

/* In order, the first Cc promoted, one key for a mail of one call. */
static void
test_order(void)
{
    g_autoptr(Provider) provider = fixture_account("");
    g_autoptr(Mail) mail = fixture_mail("me@x.test", "t");
    Recipients recipients = { list_of("to", 0), list_of("cc", 2), list_of("hid", 1), true, true };
    g_autoptr(GPtrArray) calls = provider->driver->partition(provider, mail, &recipients, "entry");
    const Call *call = calls->pdata[0];

    g_assert_cmpstr(call->key, ==, "entry");
    g_assert_cmpstr(call_recipient(call, 0)->address, ==, "cc0@x.test");
    g_assert_cmpstr(call_recipient(call, 1)->address, ==, "cc1@x.test");
    g_assert_cmpstr(call_recipient(call, 2)->address, ==, "hid0@x.test");
    g_ptr_array_unref(recipients.to);
    g_ptr_array_unref(recipients.cc);
    g_ptr_array_unref(recipients.hidden);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/partition/properties", test_properties);
    g_test_add_func("/partition/table", test_table);
    g_test_add_func("/partition/order", test_order);
    return g_test_run();
}
