//! Doubly linked lists through the elements of a slice.

/// No element.
pub(crate) const NONE: u32 = u32::MAX;

/// An element's neighbours in one list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links {
    pub(crate) previous: u32,
    pub(crate) next: u32,
}

impl Default for Links {
    fn default() -> Self {
        Self { previous: NONE, next: NONE }
    }
}

/// Both ends of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    pub(crate) first: u32,
    pub(crate) last: u32,
}

impl Default for List {
    fn default() -> Self {
        Self { first: NONE, last: NONE }
    }
}

impl List {
    /// Takes an element of this list out of it.
    pub(crate) fn unlink<T>(&mut self, all: &mut [T], at: u32, links: fn(&mut T) -> &mut Links) {
        let Some(element) = all.get_mut(at as usize) else { return };
        let Links { previous, next } = std::mem::take(links(element));
        match all.get_mut(previous as usize) {
            Some(element) => links(element).next = next,
            None => self.first = next,
        }
        match all.get_mut(next as usize) {
            Some(element) => links(element).previous = previous,
            None => self.last = previous,
        }
    }

    /// Adds an element that is in no list of these links.
    pub(crate) fn append<T>(&mut self, all: &mut [T], at: u32, links: fn(&mut T) -> &mut Links) {
        let last = std::mem::replace(&mut self.last, at);
        match all.get_mut(last as usize) {
            Some(element) => links(element).next = at,
            None => self.first = at,
        }
        if let Some(element) = all.get_mut(at as usize) {
            *links(element) = Links { previous: last, next: NONE };
        }
    }
}
