//! Starting programs.
//!
//! [`Loaded::prepare`] does everything that may be refused while the old program is still there; what is left to do in the
//! new address space, [`Loaded::enter`] does.

mod auxiliary;
mod elf;
mod script;
mod stack;
mod strings;

use alloc::{sync::Arc, vec::Vec};

pub(crate) use auxiliary::{CLOCK_TICKS, Owner};
use linux_raw_sys::general::{RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK};
use ostd::arch::cpu::context::UserContext;
use socket::error::{Errno, Error, Result};
use vfs::{Follow, Inode, WritingDenied};

use self::elf::{Image, Placed};
pub(crate) use self::strings::{Room, Strings};
use crate::{
    context::Context,
    mm::{
        AddressSpace,
        layout::{STACK_SIZE, STACK_TOP},
    },
    process::limits,
};

/// How many scripts may be interpreted by scripts, one above the other.
const MOST_SCRIPTS: usize = 5;

/// What a program is given.
pub(crate) struct Given {
    /// The path it was found by.
    path: Vec<u8>,
    /// The interpreter of a script, its argument and the script: they come before the other arguments.
    front: Vec<Vec<u8>>,
    /// argv. Its first is not given where there is a front.
    arguments: Strings,
    /// envp.
    environment: Strings,
}

impl Given {
    /// Without arguments a program gets one that is empty.
    ///
    /// # Errors
    /// E2BIG.
    pub(crate) fn new(
        path: &[u8],
        mut arguments: Strings,
        environment: Strings,
        room: &mut Room,
    ) -> Result<Self> {
        if arguments.count() == 0 {
            arguments = Strings::of([b"".as_slice()], room)?;
        }
        Ok(Self { path: path.to_vec(), front: Vec::new(), arguments, environment })
    }

    /// How many bytes of the arguments are left out.
    fn skipped(&self) -> usize {
        if self.front.is_empty() { 0 } else { self.arguments.first_length() }
    }

    fn front_length(&self) -> usize {
        self.front.iter().map(|string| string.len() + 1).sum()
    }

    fn argument_count(&self) -> usize {
        self.front.len() + self.arguments.count() - usize::from(!self.front.is_empty())
    }

    fn arguments_length(&self) -> usize {
        self.front_length() + self.arguments.length() - self.skipped()
    }

    /// Where each argument begins, in bytes from the first.
    fn argument_starts(&self) -> impl Iterator<Item = usize> {
        let front = self.front.iter().scan(0, |at, string| {
            let start = *at;
            *at += string.len() + 1;
            Some(start)
        });
        let (skipped, behind) = (self.skipped(), self.front_length());
        let rest = self.arguments.starts().skip(usize::from(!self.front.is_empty()));
        front.chain(rest.map(move |start| start - skipped + behind))
    }

    fn write_arguments(&self, space: &AddressSpace, mut at: usize) -> Result<()> {
        for string in &self.front {
            space.write_bytes(at, string).map_err(|_| Errno::ENOMEM)?;
            space.write_bytes(at + string.len(), &[0]).map_err(|_| Errno::ENOMEM)?;
            at += string.len() + 1;
        }
        self.arguments.write(space, at, self.skipped())
    }

    /// The path it was found by.
    pub(crate) fn path(&self) -> &[u8] {
        &self.path
    }
}

/// Where everything went.
struct Layout {
    program: Placed,
    /// What loads the program, where it does not load itself.
    interpreter: Option<Placed>,
    stack_size: usize,
}

impl Layout {
    fn base(&self) -> usize {
        self.interpreter.as_ref().map_or(0, |placed| placed.shift)
    }
}

/// A program that can run: nothing more can be refused.
pub(crate) struct Loaded {
    /// Its file, which nobody may write to as long as it runs.
    pub(crate) file: Arc<WritingDenied>,
    /// Its memory.
    pub(crate) space: Arc<AddressSpace>,
    pub(crate) given: Given,
    layout: Layout,
}

impl Loaded {
    /// Maps the program of `file`, or where that is a script the one that interprets it, into an address space of its own.
    /// A script that can only be found by a descriptor that will be closed is not `reachable`.
    ///
    /// # Errors
    /// ENOEXEC for a file that is no program of this system, ELIBBAD where what is to load it is none, ENOMEM, ELOOP for too
    /// many scripts, and what path resolution fails with.
    pub(crate) fn prepare(
        context: &Context,
        file: WritingDenied,
        mut given: Given,
        reachable: bool,
    ) -> Result<Self> {
        let mut file = file;
        let mut interpreted = given.path.clone();
        for _ in 0..=MOST_SCRIPTS {
            let mut head = [0; script::HEAD_SIZE];
            fill(file.inode(), &mut head)?;
            let Some(interpreter) = script::interpreter(&head) else {
                return Self::load(context, file, given);
            };
            if interpreter.path.is_empty() {
                return Err(Error::new(Errno::EACCES, "the script's first line names nothing"));
            }
            if !reachable {
                return Err(Error::new(Errno::ENOENT, "the script's descriptor will be closed"));
            }
            // The arguments of what is now interpreted itself come behind its path.
            let replaced = usize::from(!given.front.is_empty());
            let mut front = alloc::vec![interpreter.path.clone()];
            front.extend(interpreter.argument);
            front.push(interpreted);
            front.extend(given.front.drain(..).skip(replaced));
            given.front = front;
            file = context.walk(|walker| walker.find_program(&interpreter.path, Follow::Yes))?;
            interpreted = interpreter.path;
        }
        Err(Error::new(Errno::ELOOP, "scripts that interpret scripts"))
    }

    fn load(context: &Context, file: WritingDenied, given: Given) -> Result<Self> {
        let file = Arc::new(file);
        let image = Image::read(&*file, file.inode().length())?;
        let interpreter = match &image.interpreter {
            Some(path) => Some(open_interpreter(context, path)?),
            None => None,
        };
        let space = AddressSpace::new();
        for resource in [RLIMIT_STACK, RLIMIT_AS, RLIMIT_DATA] {
            let limit = context.process.limits.lock().get(resource);
            space.set_limit(resource, limit.map_or(limits::INFINITY, |limit| limit.soft));
        }
        let program = image.map(&space, &file)?;
        space.map_stack(STACK_TOP, program.stack_protection)?;
        let interpreter = match &interpreter {
            Some((file, image)) => Some(image.map_interpreter(&space, file)?),
            None => None,
        };
        let layout = Layout { program, interpreter, stack_size: STACK_SIZE };
        Ok(Self { file, space, given, layout })
    }

    /// Builds the stack, in the address space that is active now, and gives the registers with which the program begins.
    ///
    /// # Errors
    /// ENOMEM.
    pub(crate) fn enter(&self, owner: &Owner) -> Result<UserContext> {
        let (stack_pointer, places) = stack::build(&self.space, &self.given, &self.layout, owner)?;
        self.space.set_strings(places);
        let first = self.layout.interpreter.as_ref().unwrap_or(&self.layout.program);
        let mut registers = UserContext::default();
        registers.set_rip(first.entry);
        registers.set_rsp(stack_pointer);
        Ok(registers)
    }
}

/// Reads the beginning of a file, as far as there is one.
fn fill(inode: &Inode, into: &mut [u8]) -> Result<()> {
    let mut filled = 0;
    while filled < into.len() {
        match inode.read_at(filled as u64, &mut into[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(())
}

/// The file and the image of what is to load a program. The file may be written to while the program runs.
fn open_interpreter(context: &Context, path: &[u8]) -> Result<(Arc<WritingDenied>, Image)> {
    let file = context.walk(|walker| walker.find_program(path, Follow::Yes))?;
    let image = Image::read(&file, file.inode().length())
        .map_err(|error| Error::new(Errno::ELIBBAD, error.reason))?;
    Ok((Arc::new(file.allow_writing()), image))
}
