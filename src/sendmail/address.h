/* Addresses as callers write them on the command line: `a@b`, `root`, `Name <a@b>`, `a@b (comment)`,
 * several with commas between. Only what keeps a hostile value out of the SMTP dialogue is checked
 * here; whether an address is right is the daemon's to say. Pure. */
#pragma once

#define ADDRESS_BYTES 513

typedef enum { ADDRESS_END, ADDRESS_FOUND, ADDRESS_BAD } AddressResult;

/* Takes the next address off *list and moves *list behind it. FOUND: path holds it without brackets
 * ("" for `<>`). BAD: *why says what is wrong. END: nothing but blanks and commas was left. */
AddressResult address_next(const char **list, char path[ADDRESS_BYTES], const char **why);
