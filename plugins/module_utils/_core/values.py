# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Frozen dataclasses and named tuples that are quick to define: every start pays for all of them.

The standard library writes and compiles Python code for each dataclass, which takes 0.7 ms where
this takes 0.1 ms, and compiles each annotation of a named tuple. Type checkers, `replace` and
`fields` see what they know.
"""

from __future__ import annotations

import dataclasses
from collections import namedtuple
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass
    from typing import NamedTuple
else:

    class _NamedTuples(type):
        def __new__(cls, name, bases, namespace):
            if not bases:
                return super().__new__(cls, name, bases, namespace)
            fields = namespace.pop("__annotations__")
            defaults = [namespace.pop(each) for each in fields if each in namespace]
            module = namespace.pop("__module__")
            made = namedtuple(name, fields, defaults=defaults, module=module)
            made.__annotations__ = fields
            made._make = classmethod(tuple.__new__)  # not counted, and thrice as quick
            for each, value in namespace.items():
                setattr(made, each, value)
            return made

    class NamedTuple(metaclass=_NamedTuples):
        """Do what that of the library does, without a look at the annotations."""

    def dataclass(*, frozen, eq=True):  # noqa: ARG001  # the call is that of the library
        """Do what that of the library does, but for `__post_init__`; only for frozen ones."""

        def decorated(cls):
            dataclasses.dataclass(init=False, repr=False, eq=False)(cls)
            fields = dataclasses.fields(cls)
            cls._names = tuple(each.name for each in fields)
            cls._all_names = frozenset(cls._names)
            cls._defaults = {each.name: each.default for each in fields if _is_given(each.default)}
            cls._factories = [each for each in fields if _is_given(each.default_factory)]
            for method in _ALWAYS + (_COMPARING if eq else ()):
                if method is not __init__ or "__init__" not in vars(cls):
                    setattr(cls, method.__name__, method)
            return cls

        return decorated

    def _is_given(default):
        return default is not dataclasses.MISSING

    def __init__(self, *given, **named):
        values = self.__dict__
        values.update(zip(self._names, given))
        values.update(named)
        is_each_once = len(values) == len(given) + len(named)
        for name, default in self._defaults.items():
            values.setdefault(name, default)
        for each in self._factories:
            if each.name not in values:
                values[each.name] = each.default_factory()
        if not is_each_once or values.keys() != self._all_names:
            raise TypeError(f"{type(self).__name__} takes {', '.join(self._names)}")

    def __repr__(self):
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._names)
        return f"{type(self).__qualname__}({values})"

    def __setattr__(self, name, _value):
        raise FrozenInstanceError((self, name))

    def __delattr__(self, name):
        raise FrozenInstanceError((self, name))

    def __eq__(self, other):
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._names)

    def __hash__(self):
        return hash(tuple(getattr(self, name) for name in self._names))

    _ALWAYS = (__init__, __repr__, __setattr__, __delattr__)
    _COMPARING = (__eq__, __hash__)

__all__ = ["NamedTuple", "dataclass"]
