#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""libcarom within Python, by ctypes: a reply in, fact and decision out, after the commit.

usage: embed.py POLICY STORE DELIVERY RECIPIENT REPLY
such as: embed.py policy.lua sqlite:carom.db 4711/12 anna@example.com '450 4.2.1 try later'
LIBCAROM names the library. An engine belongs to one thread at a time: make one for each.
"""
import ctypes
import json
import os
import sys
from ctypes import POINTER, Structure, byref, c_bool, c_char, c_char_p, c_int, c_int64, c_size_t, c_void_p

# The structures of carom.h, member for member.


class Str(Structure):
    _fields_ = [('ptr', c_void_p), ('len', c_size_t)]

    def __str__(self):
        return ctypes.string_at(self.ptr, self.len).decode('utf-8', 'replace')


class Error(Structure):
    _fields_ = [('code', c_int), ('text', c_char * 512)]


class Options(Structure):
    _fields_ = [('policy', c_char_p), ('store', c_char_p), ('state', c_char_p), ('dry_run', c_bool), ('now', c_int64),
                ('log', c_void_p)]


class Reply(Structure):
    _fields_ = [('recipient', c_char_p), ('reply', c_char_p), ('delivery', c_char_p), ('list', c_char_p),
                ('command', c_char_p), ('remote_mta', c_char_p), ('time', c_int64)]


class Action(Structure):
    _fields_ = [('name', Str), ('state', Str), ('details', Str), ('note', Str)]


def load():
    lib = ctypes.CDLL(os.environ.get('LIBCAROM', 'libcarom.so.0'))
    for name, result, arguments in [
            ('carom_engine_open', c_void_p, [POINTER(Options), POINTER(Error)]),
            ('carom_engine_close', None, [c_void_p]),
            ('carom_engine_reply', c_int, [c_void_p, POINTER(Reply), POINTER(c_void_p), POINTER(Error)]),
            ('carom_result_fact', c_void_p, [c_void_p, c_size_t]),
            ('carom_result_duplicate', c_bool, [c_void_p, c_size_t]),
            ('carom_result_actions', c_size_t, [c_void_p, c_size_t]),
            ('carom_result_action', POINTER(Action), [c_void_p, c_size_t, c_size_t]),
            ('carom_result_free', None, [c_void_p]),
            ('carom_fact_json', c_void_p, [c_void_p])]:
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


class Engine:
    def __init__(self, policy, store):
        self.lib, self.err = load(), Error()
        options = Options(policy=policy.encode(), store=store.encode())
        self.engine = self.lib.carom_engine_open(byref(options), byref(self.err))
        if not self.engine:
            raise RuntimeError(self.err.text.decode())

    def close(self):
        self.lib.carom_engine_close(self.engine)

    def reply(self, **members):
        """What is known of this reply already, its fact, and the actions of the policy."""
        texts = {name: value.encode() for name, value in members.items()}
        result = c_void_p()
        if self.lib.carom_engine_reply(self.engine, byref(Reply(**texts)), byref(result), byref(self.err)) != 0:
            raise RuntimeError(self.err.text.decode())
        try:
            return {'duplicate': self.lib.carom_result_duplicate(result, 0), 'fact': self.fact(result),
                    'actions': [self.action(result, i) for i in range(self.lib.carom_result_actions(result, 0))]}
        finally:
            self.lib.carom_result_free(result)

    def fact(self, result):
        """Every field, as in carom-fact(5)."""
        text = self.lib.carom_fact_json(self.lib.carom_result_fact(result, 0))
        if not text:
            raise MemoryError
        try:
            return json.loads(ctypes.string_at(text))
        finally:
            free = ctypes.CDLL(None).free
            free.argtypes = [c_void_p]
            free(text)

    def action(self, result, i):
        action = self.lib.carom_result_action(result, 0, i).contents
        return {'name': str(action.name), 'state': str(action.state), 'details': json.loads(str(action.details))}


def main():
    if len(sys.argv) != 6:
        sys.exit('usage: embed.py POLICY STORE DELIVERY RECIPIENT REPLY')
    policy, store, delivery, recipient, reply = sys.argv[1:]
    engine = Engine(policy, store)
    print(json.dumps(engine.reply(delivery=delivery, recipient=recipient, reply=reply)))
    engine.close()


if __name__ == '__main__':
    main()
