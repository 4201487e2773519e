/* The mailboxes of an address field (From, To, Reply-To …), read from its raw value. Our own: GMime 3.2.13
 * overflows its stack on nested groups and loses words of display names. Tolerant and linear: encoded
 * words in quotes, raw 8-bit and ISO-2022-JP names, comments as names, groups, source routes, `;` between
 * addresses. Pure; any thread. */
#pragma once

#include "mail/address.h"

/* Appends to list (of Mailbox) each address the field names, members of groups included; returns how many
 * entries named something that is no address; *first_bad (if not NULL, and NULL there) is the first of them that was
 * meant as one, not a phrase such as "all our customers", as UTF-8, caller frees. hint as in charset_to_utf8(). */
guint address_list_parse(GPtrArray *list, const char *raw, const char *hint, char **first_bad);
