//! Sockets that only keep each other open.
//!
//! A socket in flight is open as long as the message is there, and the message as long as the socket at which it waits. Where
//! those are, in the end, the same ones, and no program has any of them, nobody will ever close them: they are garbage.
//!
//! A socket is none if a program has it (it has more owners than messages), or if one of the sockets at which it waits is
//! none. So it is enough to follow from one suspect where it waits, to where that one waits, and so on: where the search ends
//! without having met a socket that somebody has, all that were met are garbage. It takes time in proportion to the sockets
//! that are met, which are all in flight, and mostly the first one decides.
//!
//! A socket becomes a suspect when a descriptor of it is closed while it is in flight. Because calls under way have the
//! socket, too, which nobody tells of, events also look at further ones, in turn, and only as much as they pay for: a search
//! that met many sockets is followed by many events without one.

use alloc::{collections::BTreeSet, sync::Arc, vec::Vec};

use spin::MutexGuard;

use super::{
    flight::{self, Flight, edge},
    rights::{OpenFile, dispose},
};
use crate::{registry, socket::Socket};

/// How many sockets the searches in turn may meet for each event, in the long run.
const PER_EVENT: usize = 16;
/// How much of that is saved up.
const SAVINGS_MAX: isize = 64;

impl Flight {
    /// Whether somebody has the socket in that place, or had it when the look was taken: it is not in flight, or has more
    /// owners than messages.
    fn is_had(&self, place: u32) -> bool {
        self.nodes.get(&place).is_none_or(|node| node.socket.strong_count() > node.count as usize)
    }

    /// The garbage that a socket in flight belongs to, if it does; and how many sockets were met to find out.
    fn garbage_around(&self, suspect: u32) -> (Vec<Arc<Socket>>, usize) {
        let mut met = BTreeSet::from([suspect]);
        let mut unexplored = Vec::from([suspect]);
        while let Some(place) = unexplored.pop() {
            if self.is_had(place) {
                return (Vec::new(), met.len());
            }
            for key in self.edges.range(edge(place, 0)..=edge(place, u32::MAX)).map(|(key, _)| *key) {
                // One that waits to be accepted is the listener's.
                let holder = registry::owner(key as u32);
                if met.insert(holder) {
                    unexplored.push(holder);
                }
            }
        }
        let sockets = met.iter().filter_map(|place| self.nodes.get(place)?.socket.upgrade());
        (sockets.collect(), met.len())
    }

    /// All garbage: what cannot be reached from sockets that somebody has.
    fn all_garbage(&self) -> Vec<Arc<Socket>> {
        // By the socket at which they wait.
        let mut waiting: Vec<_> =
            self.edges.keys().map(|key| (registry::owner(*key as u32), (key >> 32) as u32)).collect();
        waiting.sort_unstable();
        let mut unexplored: Vec<u32> = waiting
            .iter()
            .flat_map(|(holder, socket)| [*holder, *socket])
            .filter(|place| self.is_had(*place))
            .collect();
        let mut reached = BTreeSet::new();
        while let Some(place) = unexplored.pop() {
            if reached.insert(place) {
                let from = waiting.partition_point(|(holder, _)| *holder < place);
                let at_it = waiting[from..].iter().take_while(|(holder, _)| *holder == place);
                unexplored.extend(at_it.map(|(_, socket)| *socket));
            }
        }
        let garbage = self.nodes.iter().filter(|(place, _)| !reached.contains(place));
        garbage.filter_map(|(_, node)| node.socket.upgrade()).collect()
    }

    /// The next suspect in turn.
    fn next(&mut self) -> Option<u32> {
        let mut after = self.edges.range(self.cursor..);
        let key = *after.next().or_else(|| self.edges.iter().next())?.0;
        let place = (key >> 32) as u32;
        self.cursor = edge(place, u32::MAX).wrapping_add(1);
        Some(place)
    }
}

/// A descriptor of the socket in that place has been closed, or something else has happened that makes it worthwhile to look.
#[inline]
pub(crate) fn look(place: u32) {
    if flight::has_sockets() {
        look_around(place);
    }
}

#[cold]
fn look_around(place: u32) {
    let mut flight = flight::lock();
    flight.suspects.push(place);
    flight.savings = (flight.savings + PER_EVENT as isize).min(SAVINGS_MAX);
    clear(flight);
}

/// Looks at all sockets that are in flight: somebody has too many there. Takes time in proportion to their number.
#[cold]
pub(crate) fn look_at_all() {
    let flight = flight::lock();
    let garbage = flight.all_garbage();
    drop(flight);
    sweep(garbage);
}

/// Works through the suspects. Closing what is found makes new ones: whoever is at it already sees to those, too, so that
/// nothing is closed within the closing of something else.
fn clear(mut flight: MutexGuard<'static, Flight>) {
    if core::mem::replace(&mut flight.clearing, true) {
        return;
    }
    loop {
        let suspect = flight.suspects.pop();
        let in_turn = suspect.is_none() && flight.savings > 0;
        let next = suspect.or_else(|| if in_turn { flight.next() } else { None });
        let Some(next) = next else {
            flight.clearing = false;
            return;
        };
        let (garbage, met) = flight.garbage_around(next);
        if in_turn {
            flight.savings -= met as isize;
        }
        if garbage.is_empty() {
            continue;
        }
        drop(flight);
        sweep(garbage);
        flight = flight::lock();
    }
}

/// Takes the files out of the messages that wait at sockets which nobody has: that closes them.
fn sweep(garbage: Vec<Arc<Socket>>) {
    let mut files = Vec::new();
    for socket in &garbage {
        socket.take_rights(&mut files);
    }
    files.extend(garbage.into_iter().map(OpenFile::Socket));
    dispose(files);
}
