//! ONNX Runtime behind one thin module: where the library is found, one environment for the process, one session for
//! all elements that use the same model the same way. Nothing else in the plugin names `ort`.

use std::collections::HashMap;
use std::ffi::{CStr, CString, NulError};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, Weak};

use once_cell::sync::OnceCell;
use ort::AsPointer;
use ort::memory::Allocator;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::value::{DynValue, Tensor as OrtTensor, TensorElementType, ValueType};

use super::decode::Tensor;
use super::manifest::{InputSpec, Layout};
use super::model::{Model, has_int8_instructions};
use super::sampling::{self, Target};

/// Outputs that a decoder may ask for; the manifest allows no more.
pub const MAX_OUTPUTS: usize = 16;

/// What computes the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Provider {
    #[default]
    Cpu,
    Xnnpack,
    OpenVino,
    Cuda,
    TensorRt,
}

impl Provider {
    const ALL: [Provider; 5] =
        [Provider::Cpu, Provider::Xnnpack, Provider::OpenVino, Provider::Cuda, Provider::TensorRt];

    /// The name by which the user asks for it.
    pub const fn name(self) -> &'static str {
        match self {
            Provider::Cpu => "cpu",
            Provider::Xnnpack => "xnnpack",
            Provider::OpenVino => "openvino",
            Provider::Cuda => "cuda",
            Provider::TensorRt => "tensorrt",
        }
    }

    /// The name by which ONNX Runtime lists it.
    pub const fn runtime_name(self) -> &'static str {
        match self {
            Provider::Cpu => "CPUExecutionProvider",
            Provider::Xnnpack => "XnnpackExecutionProvider",
            Provider::OpenVino => "OpenVINOExecutionProvider",
            Provider::Cuda => "CUDAExecutionProvider",
            Provider::TensorRt => "TensorrtExecutionProvider",
        }
    }
}

/// How to run a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RunSettings {
    /// Threads within an operator; 0: one per core.
    pub threads: u32,
    pub provider: Provider,
}

/// Why there is no session, or why it failed.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error(
        "no ONNX Runtime found; tried {tried}. Run pipelines/setup.sh, or set the property `runtime` or the variable \
         ORT_DYLIB_PATH to the path of libonnxruntime.so"
    )]
    NoRuntime { tried: String },
    #[error(
        "{path} is ONNX Runtime {found}, version 1.{needed} or newer is needed; install a newer one or point the property \
         `runtime` to it"
    )]
    OldRuntime { path: PathBuf, found: String, needed: u32 },
    #[error("{path} is no ONNX Runtime: {reason}")]
    NotARuntime { path: PathBuf, reason: String },
    #[error(
        "this process already uses the ONNX Runtime {loaded}; a second one ({wanted}) cannot be loaded beside it, use the \
         same `runtime` in all elements"
    )]
    OtherRuntime { loaded: PathBuf, wanted: PathBuf },
    #[error(
        "the execution provider {wanted} is not in the ONNX Runtime {path}; it offers: {available}. Take one of these, or set \
         the property `runtime` to an ONNX Runtime that was built with {wanted}"
    )]
    NoProvider { wanted: &'static str, path: PathBuf, available: String },
    #[error("ONNX Runtime does not take the model {model}: {reason}")]
    Model { model: PathBuf, reason: String },
    #[error("the model {model} has no {what} `{name}`; it has: {known}. Correct the manifest")]
    Name { model: PathBuf, what: &'static str, name: String, known: String },
    #[error("the input `{name}` of {model} is {found}, {needed} is needed. Correct the manifest")]
    Input { model: PathBuf, name: String, found: String, needed: String },
    #[error("ONNX Runtime failed: {0}")]
    Run(String),
}

impl From<ort::Error> for SessionError {
    fn from(error: ort::Error) -> Self {
        SessionError::Run(error.to_string())
    }
}

struct Runtime {
    path: PathBuf,
    environment: ort::environment::Environment,
}

static RUNTIME: OnceCell<Runtime> = OnceCell::new();

/// Where to look for the library, the first that is there wins.
#[derive(Clone, Debug, Default)]
pub struct RuntimeSearch {
    /// The property `runtime`: if set, nothing else is tried.
    pub path: Option<PathBuf>,
    /// The folder of the plugin.
    pub plugin_folder: Option<PathBuf>,
}

impl RuntimeSearch {
    fn candidates(&self) -> Vec<PathBuf> {
        if let Some(path) = &self.path {
            return vec![placed(path.clone())];
        }
        let mut candidates = Vec::new();
        candidates.extend(std::env::var_os("ORT_DYLIB_PATH").filter(|p| !p.is_empty()).map(PathBuf::from));
        candidates.extend(self.plugin_folder.iter().map(|folder| folder.join("libonnxruntime.so")));
        // Bare names: the system's loader knows where.
        candidates.extend(["libonnxruntime.so", "libonnxruntime.so.1"].map(PathBuf::from));
        candidates
    }

    fn load(&self) -> Result<&'static Runtime, SessionError> {
        let runtime = RUNTIME.get_or_try_init(|| {
            let mut tried = Vec::new();
            for path in self.candidates() {
                let bare = is_bare(&path);
                let path = if bare { path } else { std::path::absolute(&path).unwrap_or(path) };
                if !bare && !path.exists() {
                    tried.push(format!("{} (not there)", path.display()));
                    continue;
                }
                match ort::init_from(&path) {
                    Ok(builder) => {
                        let environment = builder.with_name("maskcount").with_telemetry(false).build()?;
                        return Ok(Runtime { path, environment });
                    }
                    // A file that is there but cannot serve is what the user means; going on would hide it.
                    Err(error) if !bare => return Err(unusable(path, error)),
                    Err(ort::LoadDynamicError::Dlopen { .. }) => tried.push(format!("{} (system)", path.display())),
                    Err(error) => return Err(unusable(path, error)),
                }
            }
            Err(SessionError::NoRuntime { tried: tried.join(", ") })
        })?;
        match &self.path {
            Some(wanted) if !is_same_file(&placed(wanted.clone()), &runtime.path) => {
                Err(SessionError::OtherRuntime { loaded: runtime.path.clone(), wanted: wanted.clone() })
            }
            _ => Ok(runtime),
        }
    }
}

/// A name without a folder: the system's loader knows where.
fn is_bare(path: &Path) -> bool {
    path.components().count() == 1
}

/// As somebody means it who sets the property: a file of the working directory if there is one, where ort would take the
/// program's folder; else the system's.
fn placed(path: PathBuf) -> PathBuf {
    if is_bare(&path) && !path.exists() { path } else { std::path::absolute(&path).unwrap_or(path) }
}

/// Two names of one file are not two runtimes.
fn is_same_file(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn unusable(path: PathBuf, error: ort::LoadDynamicError) -> SessionError {
    match error {
        ort::LoadDynamicError::BadVersion { version_str, path } => {
            SessionError::OldRuntime { path, found: version_str, needed: ort::MINOR_VERSION }
        }
        other => SessionError::NotARuntime { path, reason: other.to_string() },
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    sha256: String,
    settings: RunSettings,
}

static SHARED: Mutex<Option<HashMap<Key, Weak<Shared>>>> = Mutex::new(None);

/// A session that any number of elements run, also at the same time: `OrtApi::Run` is safe to call on one session from
/// several threads. Providers other than the CPU's make no such promise everywhere and take turns.
struct Shared {
    session: ort::session::Session,
    turn: Option<Mutex<()>>,
}

// SAFETY: the session is only ever used through `&Session`: its names, its allocator and `OrtApi::Run`, which ONNX
// Runtime documents as thread-safe for one session; other providers are serialised by `turn`.
unsafe impl Sync for Shared {}

impl Shared {
    fn of(model: &Model, settings: &RunSettings, runtime: &Runtime) -> Result<Arc<Shared>, SessionError> {
        let key = Key { sha256: model.sha256.clone(), settings: settings.clone() };
        // Held while a session is made, so that two cameras that start together do not make two.
        let mut sessions = SHARED.lock().unwrap_or_else(|e| e.into_inner());
        let sessions = sessions.get_or_insert_default();
        if let Some(shared) = sessions.get(&key).and_then(Weak::upgrade) {
            return Ok(shared);
        }
        sessions.retain(|_, shared| shared.strong_count() > 0);
        let refuse = |reason: String| SessionError::Model { model: model.origin.clone(), reason };
        let mut builder = builder(settings, runtime)?;
        let session = builder.commit_from_memory(&model.bytes).map_err(|e| refuse(e.to_string()))?;
        let turn = (settings.provider != Provider::Cpu).then(Mutex::default);
        let shared = Arc::new(Shared { session, turn });
        sessions.insert(key, Arc::downgrade(&shared));
        Ok(shared)
    }
}

fn builder(settings: &RunSettings, runtime: &Runtime) -> Result<SessionBuilder, SessionError> {
    fn plain<T>(result: Result<T, ort::Error<SessionBuilder>>) -> Result<T, SessionError> {
        result.map_err(|e| SessionError::Run(e.to_string()))
    }
    let there = available_providers();
    let is_there = |provider: &Provider| there.iter().any(|name| name == provider.runtime_name());
    if !is_there(&settings.provider) {
        let available: Vec<_> = Provider::ALL.iter().filter(|p| is_there(p)).map(|p| p.name()).collect();
        let (wanted, path) = (settings.provider.name(), runtime.path.clone());
        return Err(SessionError::NoProvider { wanted, path, available: available.join(", ") });
    }
    let dispatch = match settings.provider {
        Provider::Cpu => None,
        Provider::Xnnpack => Some(ort::ep::XNNPACK::default().build()),
        Provider::OpenVino => Some(ort::ep::OpenVINO::default().build()),
        Provider::Cuda => Some(ort::ep::CUDA::default().build()),
        Provider::TensorRt => Some(ort::ep::TensorRT::default().build()),
    };
    let builder = ort::session::Session::builder(&runtime.environment)?;
    let builder = plain(builder.with_optimization_level(GraphOptimizationLevel::All))?;
    let builder = plain(builder.with_intra_threads(settings.threads as usize))?;
    // Threads that spin between two looks would keep the other cores of a small computer busy with nothing.
    let builder = plain(builder.with_intra_op_spinning(false))?;
    // Without VNNI the sums of an int8 network would saturate at 16 bits, and faces change their label. With it the exact
    // way would only take twice as long.
    let builder = if has_int8_instructions() { builder } else { plain(builder.with_precise_qmm())? };
    match dispatch {
        None => Ok(builder),
        Some(ep) => plain(builder.with_execution_providers([ep.error_on_failure()])),
    }
}

/// Names of the providers that the loaded runtime was built with.
fn available_providers() -> Vec<String> {
    let mut names = std::ptr::null_mut();
    let mut count = 0;
    let mut list = Vec::new();
    let api = ort::api();
    // SAFETY: the API fills both out-pointers on success; the names are C strings until they are released.
    unsafe {
        let status = (api.GetAvailableProviders)(&mut names, &mut count);
        if ort::Error::result_from_status(status).is_ok() && !names.is_null() {
            for i in 0..usize::try_from(count).unwrap_or(0) {
                list.push(CStr::from_ptr(*names.add(i)).to_string_lossy().into_owned());
            }
            // Only frees what the call above gave; there is nothing to do about a failure.
            let _ = ort::Error::result_from_status((api.ReleaseAvailableProviders)(names, count));
        }
    }
    list
}

/// One element's way to the shared session: its own input tensor and the outputs of its last run.
pub struct Session {
    shared: Arc<Shared>,
    input_name: CString,
    output_names: Vec<CString>,
    input: Input,
    outputs: Vec<DynValue>,
}

/// The input tensor.
enum Input {
    Planes(OrtTensor<f32>),
    Patches(OrtTensor<u8>),
}

impl Input {
    /// One that no picture has been taken into: padding all over.
    fn empty(spec: &InputSpec) -> Result<Input, ort::Error> {
        // The runtime's own memory begins where a cache line does, so that whole registers are stored in one of them.
        let allocator = Allocator::default();
        Ok(match spec.layout {
            Layout::Planes => {
                let mut planes = OrtTensor::new(&allocator, shape(spec))?;
                planes.extract_tensor_mut().1.fill(0.0);
                Input::Planes(planes)
            }
            Layout::Patches => {
                let mut patches = OrtTensor::<u8>::new(&allocator, shape(spec))?;
                patches.extract_tensor_mut().1.as_chunks_mut().0.fill(sampling::padding(spec));
                Input::Patches(patches)
            }
        })
    }

    fn ptr(&self) -> *const ort::sys::OrtValue {
        match self {
            Input::Planes(tensor) => tensor.ptr(),
            Input::Patches(tensor) => tensor.ptr(),
        }
    }
}

impl Session {
    /// `outputs` are the names that the decoder wants, in its order.
    pub fn open(
        model: &Model,
        outputs: &[&str],
        settings: &RunSettings,
        search: &RuntimeSearch,
    ) -> Result<Session, SessionError> {
        let runtime = search.load()?;
        let shared = Shared::of(model, settings, runtime)?;
        let input = &model.manifest.input;
        check_name(model, "input", &input.name, shared.session.inputs())?;
        for name in outputs {
            check_name(model, "output", name, shared.session.outputs())?;
        }
        let shape = shape(input);
        let (wanted, type_name) = match input.layout {
            Layout::Planes => (TensorElementType::Float32, "float32"),
            Layout::Patches => (TensorElementType::Uint8, "uint8"),
        };
        for outlet in shared.session.inputs().iter().filter(|o| o.name() == input.name) {
            let fits = match outlet.dtype() {
                ValueType::Tensor { ty, shape: dims, .. } if *ty == wanted => {
                    dims.len() == 4 && dims.iter().zip(shape).all(|(dim, wanted)| *dim < 0 || *dim == wanted)
                }
                _ => false,
            };
            if !fits {
                let found = outlet.dtype().to_string();
                let (model, name) = (model.origin.clone(), input.name.clone());
                let needed = format!("a {type_name} tensor of {shape:?}");
                return Err(SessionError::Input { model, name, found, needed });
            }
        }
        let no_nul = |e: NulError| SessionError::Run(e.to_string());
        Ok(Session {
            input_name: CString::new(input.name.as_str()).map_err(no_nul)?,
            output_names: outputs.iter().map(|n| CString::new(*n)).collect::<Result<_, _>>().map_err(no_nul)?,
            input: Input::empty(input)?,
            outputs: Vec::with_capacity(MAX_OUTPUTS),
            shared,
        })
    }

    /// Makes the input tensor anew, without a picture, with the size of `input`.
    pub fn resize(&mut self, input: &InputSpec) -> Result<(), SessionError> {
        self.input = Input::empty(input)?;
        Ok(())
    }

    /// The input tensor, as the last run left it.
    pub fn input(&mut self) -> Target<'_> {
        match &mut self.input {
            Input::Planes(tensor) => Target::Planes(tensor.extract_tensor_mut().1),
            Input::Patches(tensor) => Target::Patches(tensor.extract_tensor_mut().1.as_chunks_mut().0),
        }
    }

    /// Whether two elements run one and the same session.
    pub fn is_shared_with(&self, other: &Session) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Runs the network on the input tensor and hands its outputs, in the order asked for, to `read`.
    pub fn run<T>(&mut self, read: impl FnOnce(&[Tensor]) -> T) -> Result<T, SessionError> {
        let count = self.output_names.len();
        let mut names = [std::ptr::null(); MAX_OUTPUTS];
        for (name, of) in names.iter_mut().zip(&self.output_names) {
            *name = of.as_ptr();
        }
        let mut values = [std::ptr::null_mut(); MAX_OUTPUTS];
        self.outputs.clear();
        let _turn = self.shared.turn.as_ref().map(|turn| turn.lock().unwrap_or_else(|e| e.into_inner()));
        // SAFETY: all pointers live through the call; the names are of this session (checked in `open`), their count is
        // at most MAX_OUTPUTS; on success the runtime fills `values` with tensors that we then own. `Run` on a shared
        // session is thread-safe, see `Shared`.
        unsafe {
            let status = (ort::api().Run)(
                self.shared.session.ptr().cast_mut(),
                std::ptr::null(),
                &self.input_name.as_ptr(),
                &self.input.ptr(),
                1,
                names.as_ptr(),
                count,
                values.as_mut_ptr(),
            );
            ort::Error::result_from_status(status)?;
            for value in values.iter().filter_map(|v| NonNull::new(*v)) {
                self.outputs.push(DynValue::from_ptr(value, Some(self.shared.session.allocator())));
            }
        }
        let mut tensors = [Tensor { shape: &[], values: &[] }; MAX_OUTPUTS];
        for (tensor, value) in tensors.iter_mut().zip(&self.outputs) {
            let (shape, values) = value.try_extract_tensor::<f32>()?;
            *tensor = Tensor { shape, values };
        }
        Ok(read(&tensors[..self.outputs.len()]))
    }
}

fn shape(input: &InputSpec) -> [i64; 4] {
    let (width, height) = (i64::from(input.width), i64::from(input.height));
    match input.layout {
        Layout::Planes => [1, 3, height, width],
        Layout::Patches => [1, height / 2, width / 2, sampling::PATCH as i64],
    }
}

fn check_name(
    model: &Model,
    what: &'static str,
    name: &str,
    outlets: &[ort::value::Outlet],
) -> Result<(), SessionError> {
    if outlets.iter().any(|o| o.name() == name) {
        return Ok(());
    }
    let known = outlets.iter().map(|o| o.name()).collect::<Vec<_>>().join(", ");
    Err(SessionError::Name { model: model.origin.clone(), what, name: name.into(), known })
}
