/*
 * protocol_check_internal.h - the promises of mime/message.h, checked: what a parser says that a
 * message has taken over keeps them, or is not believed.
 *
 * All functions are pure. NULL, which says that the mail has no such thing, is right for all texts.
 */
#ifndef LOADER_PARSER_PROTOCOL_PROTOCOL_CHECK_INTERNAL_H
#define LOADER_PARSER_PROTOCOL_PROTOCOL_CHECK_INTERNAL_H

#include "loader/parser/protocol/protocol.h"

/* The message as it was read, whose text is text already (parsed_is_text()). `range` is what the
 * output file has for it. */
bool parsed_keeps_promises(const struct mime_message *message, const struct parsed_range *range);

#endif
