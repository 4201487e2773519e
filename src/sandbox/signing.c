#include "sandbox/signing.h"

#include <string.h>

struct Signing {
    GPtrArray *keys;            /* of SigningKey */
    guint max;
    guint64 numbers;            /* selectors that were made up */
};

static void
key_free(void *data)
{
    SigningKey *self = data;

    g_free(self->domain);
    g_free(self->selector);
    g_free(self->start_date);
    g_free(self->record);
    g_free(self);
}

Signing *
signing_new(guint max)
{
    Signing *self = g_new0(Signing, 1);

    self->keys = g_ptr_array_new_with_free_func(key_free);
    self->max = max;
    return self;
}

void
signing_free(Signing *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->keys);
    g_free(self);
}

/* "v=DKIM1; k=rsa; p=...": the DER of an RSA key (RFC 6376, section 3.6.1) whose modulus is drawn at random. */
static char *
make_record(guint bits)
{
    static const guint8 head_1024[] = {
        0x30, 0x81, 0x9f, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
        0x03, 0x81, 0x8d, 0x00, 0x30, 0x81, 0x89, 0x02, 0x81, 0x81, 0x00,
    };
    static const guint8 head_2048[] = {
        0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05,
        0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00,
    };
    static const guint8 exponent[] = { 0x02, 0x03, 0x01, 0x00, 0x01 };
    g_autoptr(GByteArray) der = g_byte_array_new();

    if (bits == 1024)
        g_byte_array_append(der, head_1024, sizeof head_1024);
    else
        g_byte_array_append(der, head_2048, sizeof head_2048);
    for (guint i = 0; i < bits / 8; i++) {
        guint8 byte = (guint8) g_random_int();
        if (i == 0 || i == bits / 8 - 1)
            byte |= 0x81;
        g_byte_array_append(der, &byte, 1);
    }
    g_byte_array_append(der, exponent, sizeof exponent);
    g_autofree char *text = g_base64_encode(der->data, der->len);
    return g_strdup_printf("v=DKIM1; k=rsa; p=%s", text);
}

SigningKey *
signing_find(const Signing *self, const char *domain, const char *selector)
{
    for (guint i = 0; i < self->keys->len; i++) {
        SigningKey *key = self->keys->pdata[i];
        if (g_ascii_strcasecmp(key->domain, domain) == 0 && g_ascii_strcasecmp(key->selector, selector) == 0)
            return key;
    }
    return NULL;
}

guint
signing_room(const Signing *self)
{
    return self->max - self->keys->len;
}

/* Where a new key of the domain belongs. */
static gint
place_of(const Signing *self, const char *domain)
{
    gint place = (gint) self->keys->len;

    for (guint i = 0; i < self->keys->len; i++) {
        const SigningKey *key = self->keys->pdata[i];
        if (g_ascii_strcasecmp(key->domain, domain) == 0)
            place = (gint) i + 1;
    }
    return place;
}

SigningKey *
signing_add(Signing *self, const char *domain, const char *selector, guint key_bits, gint64 now_us)
{
    g_autofree char *name = g_strdup(selector);

    while (!name || (!selector && signing_find(self, domain, name))) {
        g_free(name);
        name = g_strdup_printf("sandbox%" G_GUINT64_FORMAT, ++self->numbers);
    }
    if (self->keys->len >= self->max || signing_find(self, domain, name))
        return NULL;
    SigningKey *key = g_new0(SigningKey, 1);
    key->domain = g_strdup(domain);
    key->selector = g_steal_pointer(&name);
    key->record = make_record(key_bits);
    key->key_bits = key_bits;
    key->enabled = true;
    key->registered_us = now_us;
    g_ptr_array_insert(self->keys, place_of(self, domain), key);
    return key;
}

void
signing_set_start(SigningKey *key, const char *start_date)
{
    g_free(key->start_date);
    key->start_date = g_strdup(start_date);
}

void
signing_set_default(Signing *self, SigningKey *key, bool is_default)
{
    for (guint i = 0; is_default && i < self->keys->len; i++)
        ((SigningKey *) self->keys->pdata[i])->is_default = false;
    key->is_default = is_default;
}

void
signing_remove(Signing *self, SigningKey *key)
{
    g_ptr_array_remove(self->keys, key);
}

const GPtrArray *
signing_all(const Signing *self)
{
    return self->keys;
}
