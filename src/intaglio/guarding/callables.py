"""Guards any callable that returns pictures: functions, coroutines, generators, and hosted clients."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from intaglio.guarding.calls import (
    Call,
    Options,
    Plan,
    authorized,
    inside,
    outer_call,
    release,
    released_on_error,
)
from intaglio.guarding.handover import hand_over
from intaglio.guarding.media import found
from intaglio.licensing.identity import hosted


def guard_callable(function: Callable[..., Any], options: Options, model: str) -> Callable[..., Any]:
    """Return a callable of the same signature whose pictures are screened, marked, signed and metered.

    What the function returns decides how it is treated: an awaitable is awaited first, and each item of
    an iterator is a delivery of its own.
    """
    plan = Plan(works=hosted(model), software=(model, ""))
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        def stream(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            return _each_async(function(*args, **kwargs), options, plan)

        return stream
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def items(*args: Any, **kwargs: Any) -> Iterator[Any]:
            return _each(function(*args, **kwargs), options, plan)

        return items
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def later(*args: Any, **kwargs: Any) -> Any:
            return await _awaited(lambda: function(*args, **kwargs), options, plan)

        return later

    @functools.wraps(function)
    def now(*args: Any, **kwargs: Any) -> Any:
        return _called(lambda: function(*args, **kwargs), options, plan)

    return now


def _called(generate: Callable[[], Any], options: Options, plan: Plan) -> Any:
    outer = outer_call()
    if outer is not None:
        outer.join(plan, options)
        return generate()
    call = authorized(options, plan)
    with released_on_error(call):
        with inside(call):
            result = generate()
        # Some clients return an awaitable or a stream from a plain function; the call goes on there.
        if inspect.isawaitable(result):
            return _finished_later(call, result)
        if hasattr(result, "__anext__"):
            return _each_async(result, options, plan, call)
        if hasattr(result, "__next__"):
            return _each(result, options, plan, call)
        return hand_over(call, result)


async def _awaited(generate: Callable[[], Awaitable[Any]], options: Options, plan: Plan) -> Any:
    outer = outer_call()
    if outer is not None:
        outer.join(plan, options)
        return await generate()
    return await _finished_later(authorized(options, plan), generate())


async def _finished_later(call: Call, result: Awaitable[Any]) -> Any:
    with released_on_error(call):
        with inside(call):
            value = await result
        return await _in_a_thread(call, value)


async def _in_a_thread(call: Call, value: Any) -> Any:
    """Hand over in a thread; a cancellation waits for it, so that what it billed can be voided."""
    import asyncio

    work = asyncio.ensure_future(asyncio.to_thread(hand_over, call, value))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


def _each(items: Iterator[Any], options: Options, plan: Plan, first: Call | None = None) -> Iterator[Any]:
    """Yield every item with its pictures sealed; each delivery is a call of its own in the ledger.

    Items that are asked for inside another guarded call belong to that call.
    """
    call = first
    while True:
        if call is None and (outer := outer_call()) is not None:
            outer.join(plan, options)
            try:
                yield next(items)
            except StopIteration:
                return
            continue
        call = call or authorized(options, plan)
        with released_on_error(call):
            try:
                with inside(call):
                    item = next(items)
            except StopIteration:
                return release(call, "the stream ended")
            if not found(item):  # a keep-alive or a usage event
                yield item
                continue
            item = hand_over(call, item)
        call = None
        yield item


async def _each_async(
    items: AsyncIterator[Any], options: Options, plan: Plan, first: Call | None = None
) -> AsyncIterator[Any]:
    """The same as :func:`_each` for asynchronous iterators; the stages run in a thread."""
    call = first
    while True:
        if call is None and (outer := outer_call()) is not None:
            outer.join(plan, options)
            try:
                yield await anext(items)
            except StopAsyncIteration:
                return
            continue
        call = call or authorized(options, plan)
        with released_on_error(call):
            try:
                with inside(call):
                    item = await anext(items)
            except StopAsyncIteration:
                release(call, "the stream ended")
                return
            if not found(item):
                yield item
                continue
            item = await _in_a_thread(call, item)
        call = None
        yield item
