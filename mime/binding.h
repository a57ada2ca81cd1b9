/*
 * binding.h - the functions of libxml2 and uchardet that are used here, found when the first
 * message is to be read: with what these two bring along they cost much of what starting the
 * program does, and most commands read no mail.
 *
 * Life:    binding_open() before anything of `bound` is used; it stays open.
 * Threads: binding_open() one at a time.
 */
#ifndef MIME_BINDING_H
#define MIME_BINDING_H

#include <libxml/HTMLparser.h>
#include <uchardet/uchardet.h>

#define BINDING_LIBXML(X)                                                                          \
	X(xmlInitParser)                                                                           \
	X(xmlCleanupParser)                                                                        \
	X(htmlCreatePushParserCtxt)                                                                \
	X(htmlCtxtUseOptions)                                                                      \
	X(htmlFreeParserCtxt)                                                                      \
	X(htmlParseChunk)

#define BINDING_UCHARDET(X)                                                                        \
	X(uchardet_new)                                                                            \
	X(uchardet_delete)                                                                         \
	X(uchardet_reset)                                                                          \
	X(uchardet_handle_data)                                                                    \
	X(uchardet_data_end)                                                                       \
	X(uchardet_get_charset)

/* Functions under their own names. */
struct binding {
#define BINDING_MEMBER(name) __typeof__(name) *(name);
	BINDING_LIBXML(BINDING_MEMBER)
	BINDING_UCHARDET(BINDING_MEMBER)
#undef BINDING_MEMBER
};

extern struct binding bound;

/* Returns 0, also when it is open already, or -1; then binding_fault() names the library. */
int binding_open(void);
const char *binding_fault(void);

#endif
