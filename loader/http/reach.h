/*
 * reach.h - where a URL leads, asked when an operator defines it.
 *
 * A name may mean something else later: client.h checks the address of each connection as well.
 */
#ifndef LOADER_HTTP_REACH_H
#define LOADER_HTTP_REACH_H

#include <stdbool.h>

/*
 * Does the URL lead to this machine or network and nowhere else (address.h)? An address in it is
 * judged as it stands. A name is resolved if `resolve`, by a child process and for 5 s at most; one
 * that cannot be resolved leads nowhere yet, and is none of ours.
 */
bool reach_is_private(const char *url, bool resolve);

/* Does the URL itself say so: by an address, or by a name that no public server can have (localhost,
 * .local, .internal, .home.arpa)? Looks nothing up. Source: RFC 6761, RFC 6762, RFC 8375. */
bool reach_says_private(const char *url);

#endif
