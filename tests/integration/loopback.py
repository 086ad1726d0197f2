#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""Brings up the loopback interface of a fresh network namespace, where no tool for it is installed."""
import fcntl
import socket
import struct

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
SIOCSIFADDR, SIOCSIFNETMASK = 0x8916, 0x891C


def bring_up(name=b'lo'):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = struct.pack('16sh14x', name, 0)
        flags = struct.unpack('16xh14x', fcntl.ioctl(s, SIOCGIFFLAGS, request))[0]
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack('16sh14x', name, flags | IFF_UP))


def add(name, address):
    """The address and its whole /24 are this machine's, by an alias such as b'lo:1'."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for call, value in (SIOCSIFADDR, address), (SIOCSIFNETMASK, '255.255.255.0'):
            data = struct.pack('16sHH4s8x', name, socket.AF_INET, 0, socket.inet_aton(value))
            fcntl.ioctl(s, call, data)


if __name__ == '__main__':
    bring_up()
