//! What every argument of every governed call may be: names, kinds, members.
//!
//! Which kind an argument is belongs to the call, not to the SCML file: that is why `SOCK_STREAM | SOCK_DGRAM` never
//! admits SOCK_RAW (3), and why `flags = 0` is the empty set.

pub mod calls;
pub mod constants;
pub mod denial;
mod errnos;
pub mod show;
pub mod structs;
pub(crate) mod syscalls;

pub use calls::signature;
pub use errnos::errno_name;

use crate::call::Call;

/// A named value of the UAPI.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// The name, as in the headers.
    pub name: &'static str,
    /// The value.
    pub value: u32,
}

/// The named values of one kind of argument. Where two names have one value, the first is the one to show.
#[derive(Debug)]
pub struct Domain {
    /// What a member is called in messages ("address family").
    pub what: &'static str,
    /// The members.
    pub members: &'static [Member],
}

impl Domain {
    /// The value of a name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<u32> {
        self.members.iter().find(|member| member.name == name).map(|member| member.value)
    }

    /// The first name of a value.
    #[must_use]
    pub fn name(&self, value: u32) -> Option<&'static str> {
        self.members.iter().find(|member| member.value == value).map(|member| member.name)
    }
}

/// How many bits of a register or field count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Width {
    /// `char`, `__u8`
    Bits8,
    /// `short`, `__u16`
    Bits16,
    /// `int`, `unsigned int`
    Bits32,
    /// `long`, `size_t`, a pointer
    Bits64,
}

impl Width {
    /// The low bits that count.
    #[must_use]
    pub const fn mask(self) -> u64 {
        match self {
            Self::Bits8 => 0xff,
            Self::Bits16 => 0xffff,
            Self::Bits32 => 0xffff_ffff,
            Self::Bits64 => u64::MAX,
        }
    }

    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Bits8 => 1,
            Self::Bits16 => 2,
            Self::Bits32 => 4,
            Self::Bits64 => 8,
        }
    }
}

/// Which values another argument gives a domain: the options of a level, the protocols of a family.
#[derive(Debug)]
pub struct Variant {
    /// The other argument's value.
    pub selector: u32,
    /// The members under it.
    pub domain: &'static Domain,
}

/// What kind of thing an argument or a field is.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// The file descriptor that the call acts on; a struct pattern speaks of the open file.
    Descriptor,
    /// Exactly one of the members.
    Enumeration(&'static Domain),
    /// As an enumeration, but the members depend on the argument or field of index `on`.
    Dependent {
        /// The index of the argument or field that selects; [`Kind::OUTER`] for one of the struct around.
        on: u8,
        /// The members for each value of it.
        variants: &'static [Variant],
    },
    /// Any combination of the members, the empty one too.
    BitSet(&'static Domain),
    /// A socket type: one of `values` in the low four bits, and any combination of `flags`.
    Typed {
        /// The types.
        values: &'static Domain,
        /// The flag bits.
        flags: &'static Domain,
    },
    /// A number.
    Integer,
    /// A pointer to a struct of one of these types: the first that has the fields that a pattern names.
    Struct {
        /// The types.
        types: &'static [&'static Struct],
        /// Whether the call writes it: then nothing is known of it beforehand but whether the pointer is NULL.
        out: bool,
    },
    /// A pointer to structs, a row of them or a list.
    Array {
        /// The type of an element.
        of: &'static Struct,
        /// Whether the call writes it.
        out: bool,
    },
    /// An option's value: `int` unless a struct pattern says otherwise.
    OptionValue {
        /// The structs that options have.
        types: &'static [&'static Struct],
        /// Whether the call writes it.
        out: bool,
    },
    /// A pointer to bytes that a protocol takes for messages of this type, one after the other: of other sockets only absence
    /// can be asked.
    Payload(&'static Struct),
    /// A pointer to bytes, of which only absence can be asked.
    Buffer,
    /// A path name.
    Path,
}

impl Kind {
    /// Selected by the type of the message around.
    pub const OUTER: u8 = u8::MAX;
}

/// A parameter of a call.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// The name that messages use.
    pub name: &'static str,
    /// Other labels that files may give it.
    pub aliases: &'static [&'static str],
    /// What it is.
    pub kind: Kind,
    /// How much of the register counts.
    pub width: Width,
}

impl Parameter {
    /// Whether a file may give it this label.
    #[must_use]
    pub fn is_called(&self, label: &str) -> bool {
        self.name == label || self.aliases.contains(&label)
    }
}

/// A call and its parameters, by position.
#[derive(Debug)]
pub struct Signature {
    /// Which call.
    pub call: Call,
    /// Its parameters.
    pub parameters: &'static [Parameter],
}

/// A field of a struct.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The name, as in the headers.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Where it is in the struct's memory, in bytes.
    pub offset: usize,
    /// Its size.
    pub width: Width,
    /// Whether it is in network byte order.
    pub network_order: bool,
}

/// A struct type of the UAPI, or what is known of an open file.
#[derive(Debug)]
pub struct Struct {
    /// Which one: the index in compiled tables.
    pub id: StructId,
    /// The name, as in the headers.
    pub name: &'static str,
    /// Other names that files may give it.
    pub aliases: &'static [&'static str],
    /// A family that an address of this type always has.
    pub family: Option<u16>,
    /// The fields.
    pub fields: &'static [Field],
    /// Its size in bytes, as an element of an array.
    pub size: usize,
}

impl Struct {
    /// The field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<(usize, &'static Field)> {
        self.fields.iter().enumerate().find(|(_, field)| field.name == name)
    }
}

/// The struct types, densely numbered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[allow(missing_docs, reason = "each is the struct of that name")]
pub enum StructId {
    Descriptor,
    Sockaddr,
    SockaddrUn,
    SockaddrIn,
    SockaddrIn6,
    SockaddrNl,
    SockaddrVm,
    SockaddrLl,
    Msghdr,
    Mmsghdr,
    Cmsghdr,
    Iovec,
    Pollfd,
    EpollEvent,
    Linger,
    Timeval,
    Timespec,
    Ucred,
    Nlmsghdr,
    Nlattr,
}
