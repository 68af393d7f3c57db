//! Memory with every kind of bad place in it, and the procedure that sends a call there.

use crate::{
    errno::{Errno, Result},
    harness::{Case, Failure, Outcome, progress},
    sys::{PAGE, Region},
};

/// What a call does with what an argument points to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    /// The kernel reads: a page without write permission will do.
    Read,
    /// The kernel writes, or reads and writes.
    Write,
}

/// A kind of address that the kernel must not follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// The null pointer.
    Null,
    /// Mapped by nobody, just behind it.
    PageZero,
    /// Mapped by nobody, far from everything.
    Unmapped,
    /// Mapped without any permission.
    Forbidden,
    /// Mapped for reading.
    ReadOnly,
    /// Begins well and runs into a page without permission at its last byte.
    Crossing,
    /// The first address behind the user's half.
    UserEnd,
    /// Between the halves.
    NonCanonical,
    /// The kernel's own memory.
    Kernel,
    /// Where the kernel's code usually lies.
    KernelText,
    /// The last byte of all, so that adding a length overflows.
    Top,
}

const PLACES: [Place; 11] = [
    Place::Null,
    Place::PageZero,
    Place::Unmapped,
    Place::Forbidden,
    Place::ReadOnly,
    Place::Crossing,
    Place::UserEnd,
    Place::NonCanonical,
    Place::Kernel,
    Place::KernelText,
    Place::Top,
];

const FORBIDDEN_BEFORE: usize = 0;
const GOOD: usize = PAGE;
const GOOD_END: usize = 3 * PAGE;
const READ_ONLY: usize = 4 * PAGE;
const FRESH: usize = 6 * PAGE;
const PAGES: usize = 8;
/// Bytes between the objects of [`Memory::put`].
const SLOT: usize = 256;

/// Pages: forbidden, two good ones, forbidden, read-only, forbidden, a fresh one (never touched), forbidden.
pub(super) struct Memory(pub(super) Region);

impl Memory {
    pub(super) fn new() -> Result<Self> {
        let region = Region::new(PAGES, libc::PROT_NONE)?;
        region.protect(GOOD..GOOD_END, libc::PROT_READ | libc::PROT_WRITE)?;
        region.protect(READ_ONLY..READ_ONLY + PAGE, libc::PROT_READ)?;
        region.protect(FRESH..FRESH + PAGE, libc::PROT_READ | libc::PROT_WRITE)?;
        Ok(Self(region))
    }

    /// Puts an object into good memory (16 slots of 256 bytes); its address.
    pub(super) fn put(&self, slot: usize, contents: &[u8]) -> usize {
        assert!(contents.len() <= SLOT && slot < PAGE / SLOT);
        self.0.write(GOOD + slot * SLOT, contents);
        self.0.at(GOOD + slot * SLOT)
    }

    /// What stands in a slot.
    pub(super) fn get<const N: usize>(&self, slot: usize) -> [u8; N] {
        let mut contents = [0; N];
        self.0.read(GOOD + slot * SLOT, &mut contents);
        contents
    }

    /// Good memory behind which nothing may be touched: the address from which `length` bytes reach its end.
    pub(super) fn edge(&self, length: usize) -> usize {
        self.0.at(GOOD_END - length)
    }

    /// A good page that was never touched.
    pub(super) fn fresh(&self) -> usize {
        self.0.at(FRESH)
    }

    /// The address of a page that can be read only, with `contents` in it.
    pub(super) fn read_only(&self, contents: &[u8]) -> Result<usize> {
        let page = READ_ONLY..READ_ONLY + PAGE;
        self.0.protect(page.clone(), libc::PROT_READ | libc::PROT_WRITE)?;
        self.0.write(READ_ONLY, contents);
        self.0.protect(page, libc::PROT_READ)?;
        Ok(self.0.at(READ_ONLY))
    }

    /// A bad address of that kind for an object with these contents; they stand there as far as there is memory.
    pub(super) fn bad(&self, place: Place, contents: &[u8]) -> Result<usize> {
        Ok(match place {
            Place::Null => 0,
            Place::PageZero => 8,
            // Below the lowest address that programs are linked to, above what mmap_min_addr keeps.
            Place::Unmapped => 0x2_0000,
            Place::Forbidden => self.0.at(FORBIDDEN_BEFORE),
            Place::ReadOnly => self.read_only(contents)?,
            Place::Crossing => {
                let inside = &contents[..contents.len().saturating_sub(1)];
                self.0.write(GOOD_END - inside.len(), inside);
                self.edge(inside.len())
            }
            Place::UserEnd => 0x0000_7fff_ffff_f000,
            Place::NonCanonical => 0x8000_0000_0000_0000,
            Place::Kernel => 0xffff_8880_0000_1000,
            Place::KernelText => 0xffff_ffff_8100_0000,
            Place::Top => usize::MAX,
        })
    }
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum After {
    /// It succeeded, with this value.
    Good(usize),
    /// It was refused for this place.
    Bad(Place),
}

/// A call about to be made with good arguments, and how to see afterwards that nothing was harmed.
pub(super) struct Situation {
    /// The registers.
    pub(super) words: [usize; 6],
    /// Checks what the call left behind.
    pub(super) usable: Box<dyn FnOnce(After) -> Outcome>,
}

/// One argument of one call.
pub(super) struct Row {
    pub(super) call: &'static str,
    pub(super) number: i64,
    /// Which register holds the pointer.
    pub(super) register: usize,
    pub(super) access: Access,
    /// What the pointer points to; its length is how much the kernel must be able to reach.
    pub(super) contents: Vec<u8>,
    /// Places that are no error for this argument.
    pub(super) exempt: &'static [Place],
    /// Makes the situation afresh for each attempt.
    pub(super) situation: fn(&Case, &Memory) -> Outcome<Situation>,
}

/// Makes the call once as it is, which must succeed, then with the pointer to each bad place, which must give EFAULT and
/// leave everything usable.
pub(super) fn try_places(case: &Case, row: &Row) -> Outcome {
    let memory = Memory::new()?;
    let Row { call, number, register, .. } = *row;
    let good = (row.situation)(case, &memory)?;
    let value = memory.0.call(call, number, good.words);
    let value = value.map_err(|errno| Failure::here(format!("{call} with good arguments gives {errno}")))?;
    progress::checked();
    (good.usable)(After::Good(value))?;
    for place in PLACES {
        let harmless = place == Place::ReadOnly && row.access == Access::Read;
        if harmless || row.exempt.contains(&place) {
            continue;
        }
        let situation = (row.situation)(case, &memory)?;
        let mut words = situation.words;
        words[register] = memory.bad(place, &row.contents)?;
        match memory.0.call(call, number, words) {
            Err(Errno(libc::EFAULT)) => progress::checked(),
            met => {
                let address = words[register];
                let message = format!(
                    "{call}, register {register}, {place:?} ({address:#x}): {met:?}, expected EFAULT"
                );
                return Err(Failure::here(message));
            }
        }
        (situation.usable)(After::Bad(place)).map_err(|failure| Failure {
            message: format!("after {place:?}: {}", failure.message),
            ..failure
        })?;
    }
    good_places(case, row, &memory)
}

/// Places that look odd but are good: a page that nobody has touched yet, one that may only be read where the kernel only
/// reads, an object that ends with its page.
fn good_places(case: &Case, row: &Row, memory: &Memory) -> Outcome {
    let mut good = Vec::new();
    memory.0.write(GOOD_END - row.contents.len(), &row.contents);
    good.push(("at the end of its page", memory.edge(row.contents.len())));
    if row.access == Access::Read {
        good.push(("on a page for reading", memory.read_only(&row.contents)?));
    } else if row.contents.iter().all(|byte| *byte == 0) {
        good.push(("on a fresh page", memory.fresh()));
    }
    for (what, address) in good {
        let situation = (row.situation)(case, memory)?;
        let mut words = situation.words;
        words[row.register] = address;
        let value = memory.0.call(row.call, row.number, words);
        let value =
            value.map_err(|errno| Failure::here(format!("{}: an object {what} gives {errno}", row.call)))?;
        progress::checked();
        (situation.usable)(After::Good(value))?;
    }
    Ok(())
}
