//! An allocator that counts what each thread asks of it.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static BEGAN: Cell<u64> = const { Cell::new(0) };
    static WATCHED: Cell<u64> = const { Cell::new(0) };
}

pub(crate) struct Counting;

/// How often `act` allocates on this thread.
pub(crate) fn allocations(act: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    act();
    ALLOCATIONS.get() - before
}

/// Counts from `true` to `false` for [`watched`].
pub(crate) fn watch(begins: bool) {
    if begins {
        BEGAN.set(ALLOCATIONS.get());
    } else {
        WATCHED.set(WATCHED.get() + ALLOCATIONS.get() - BEGAN.get());
    }
}

/// How often this thread allocated while it was watched.
pub(crate) fn watched() -> u64 {
    WATCHED.get()
}

// SAFETY: everything is the system allocator's; counting touches a plain cell that needs no memory of its own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.realloc(pointer, layout, size) }
    }
}
