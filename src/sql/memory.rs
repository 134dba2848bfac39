//! What the connections of a server hold in memory, all together.
//!
//! Each connection is bounded by itself; a thousand of them that go to their bounds would still take the machine. So
//! whatever may become large is counted here too: commands, prepared statements, user variables, rows under way.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::error::{Error, Result};

/// Bytes that are held, and how many may be.
#[derive(Debug)]
pub struct Memory {
    limit: usize,
    held: AtomicUsize,
}

impl Memory {
    /// Nothing held of `limit` bytes.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Memory { limit, held: AtomicUsize::new(0) })
    }

    /// How many are held.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Counts bytes as held. Error 1041 if that is too much; they count all the same until given back.
    pub fn take(&self, bytes: usize) -> Result<()> {
        let held = self.held.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if held > self.limit { Err(Error::OutOfMemory(self.limit)) } else { Ok(()) }
    }

    /// Counts bytes as held no longer.
    pub fn give_back(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// A part of it, which is given back with this value.
#[derive(Debug)]
pub struct Share {
    memory: Arc<Memory>,
    bytes: usize,
}

impl Share {
    /// None of it yet.
    pub fn of(memory: &Arc<Memory>) -> Self {
        Share { memory: Arc::clone(memory), bytes: 0 }
    }

    /// How large it is.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes it this large. Error 1041, and no change, if there is not so much left; making it smaller always works.
    pub fn resize(&mut self, bytes: usize) -> Result<()> {
        if let Some(more) = bytes.checked_sub(self.bytes) {
            if more > 0
                && let Err(error) = self.memory.take(more)
            {
                self.memory.give_back(more);
                return Err(error);
            }
        } else {
            self.memory.give_back(self.bytes - bytes);
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_end_at_the_limit_and_are_given_back() {
        let memory = Memory::new(100);
        let (mut a, mut b) = (Share::of(&memory), Share::of(&memory));
        a.resize(60).unwrap();
        assert_eq!(b.resize(41), Err(Error::OutOfMemory(100)));
        b.resize(40).unwrap();
        a.resize(10).unwrap();
        b.resize(90).unwrap();
        drop(a);
        b.resize(100).unwrap();
        assert_eq!(memory.take(1), Err(Error::OutOfMemory(100)));
        memory.give_back(1);
        drop(b);
        assert_eq!(memory.held(), 0);
    }
}
