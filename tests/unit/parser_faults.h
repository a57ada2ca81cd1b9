/*
 * parser_faults.h - what the faults that a message can ask the parser for have to do with its test.
 */
#ifndef TESTS_UNIT_PARSER_FAULTS_H
#define TESTS_UNIT_PARSER_FAULTS_H

/* Bytes that "flood" tries to go beyond. */
enum { OUTPUT_MAX = 1024 * 1024 };

/* Where in the output file "scribble" counts. */
enum { SCRIBBLE_AT = 1000000 };

#endif
