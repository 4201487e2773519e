/* Customers Mail Cloud, Emails API v2 (Emails/send, and Emails/bulk where the account has it): one multipart form per
 * call, its answer JSON. Used through the registry in provider.c only. */
#pragma once

#include "provider/provider.h"

extern const ProviderDriver provider_cmc;
