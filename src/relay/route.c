#include "relay/route.h"

const Provider *
route_choose(const RelaySettings *settings, const Envelope *envelope)
{
    return settings->account;
}
