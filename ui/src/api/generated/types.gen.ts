// Generated from ui/openapi.json by script/generate. Do not edit.

export type ClientOptions = {
    baseUrl: `${string}://${string}` | (string & {});
};

/**
 * Check
 *
 * One thing this machine can or cannot do, in plain words, with what to do about it.
 */
export type Check = {
    /**
     * Action
     */
    action: string | null;
    /**
     * Message
     */
    message: string;
    /**
     * Name
     */
    name: string;
    /**
     * Ok
     */
    ok: boolean;
};

/**
 * CheckOut
 */
export type CheckOut = {
    /**
     * Name
     */
    name: string;
    /**
     * Passed
     */
    passed: boolean;
};

/**
 * CurrentModel
 */
export type CurrentModel = {
    /**
     * Demo
     */
    demo: boolean;
    /**
     * Name
     */
    name: string;
};

/**
 * DiffOut
 */
export type DiffOut = {
    /**
     * Files
     */
    files: Array<FileChangeOut>;
    /**
     * From
     */
    from: string | null;
    /**
     * To
     */
    to: string;
};

/**
 * FileChangeOut
 */
export type FileChangeOut = {
    /**
     * Added
     */
    added: number;
    /**
     * Binary
     */
    binary: boolean;
    /**
     * Newsize
     */
    newSize: number | null;
    /**
     * Oldpath
     */
    oldPath: string | null;
    /**
     * Oldsize
     */
    oldSize: number | null;
    /**
     * Patch
     */
    patch: string | null;
    /**
     * Path
     */
    path: string;
    /**
     * Removed
     */
    removed: number;
    /**
     * Status
     */
    status: string;
};

/**
 * FileList
 */
export type FileList = {
    /**
     * Items
     */
    items: Array<FileOut>;
};

/**
 * FileOut
 */
export type FileOut = {
    mark?: MarkOut | null;
    /**
     * Mode
     */
    mode: number;
    /**
     * Path
     */
    path: string;
    /**
     * Size
     */
    size: number;
};

/**
 * FragmentList
 */
export type FragmentList = {
    /**
     * Items
     */
    items: Array<FragmentOut>;
    /**
     * Nextcursor
     */
    nextCursor: string | null;
};

/**
 * FragmentOut
 */
export type FragmentOut = {
    /**
     * Authoremail
     */
    authorEmail: string;
    /**
     * Authorname
     */
    authorName: string;
    /**
     * Branch
     */
    branch: string;
    /**
     * Checks
     */
    checks: Array<CheckOut> | null;
    /**
     * Commithash
     */
    commitHash: string;
    /**
     * Cost
     */
    cost: number | null;
    /**
     * Createdat
     */
    createdAt: string;
    /**
     * Damagedfiles
     */
    damagedFiles?: number;
    /**
     * Fileschanged
     */
    filesChanged: number;
    /**
     * Id
     */
    id: string;
    /**
     * Kind
     */
    kind: string;
    /**
     * Linesadded
     */
    linesAdded: number;
    /**
     * Linesremoved
     */
    linesRemoved: number;
    /**
     * Message
     */
    message: string | null;
    /**
     * Number
     */
    number: number | null;
    /**
     * Parentfragmentid
     */
    parentFragmentId: string | null;
    restoredFrom: RestoredFromOut | null;
    /**
     * Starred
     */
    starred: boolean;
    /**
     * Steps
     */
    steps: Array<StepOut>;
    /**
     * Thumbnail
     */
    thumbnail: string | null;
    /**
     * Title
     */
    title: string;
    /**
     * Turnid
     */
    turnId: string | null;
};

/**
 * HTTPValidationError
 */
export type HttpValidationError = {
    /**
     * Detail
     */
    detail?: Array<ValidationError>;
};

/**
 * HealthOut
 */
export type HealthOut = {
    /**
     * Status
     */
    status: string;
    /**
     * Version
     */
    version: string;
};

/**
 * Login
 */
export type Login = {
    /**
     * Key
     */
    key: string;
};

/**
 * MachineOut
 */
export type MachineOut = {
    /**
     * Checks
     */
    checks: Array<Check>;
};

/**
 * MarkOut
 *
 * Why a file is not whole: `outcome` damaged, placeholder or binary_cut; `note` for people.
 */
export type MarkOut = {
    /**
     * Note
     */
    note: string;
    /**
     * Outcome
     */
    outcome: string;
};

/**
 * Me
 */
export type Me = {
    model: CurrentModel;
    /**
     * Models
     */
    models: Array<Named>;
    /**
     * Templates
     */
    templates: Array<Named>;
    user: Person;
    /**
     * Version
     */
    version: string;
};

/**
 * Messages
 */
export type Messages = {
    /**
     * Items
     */
    items: Array<UiMessageOut>;
    turn: TurnOut | null;
};

/**
 * Named
 */
export type Named = {
    /**
     * Id
     */
    id: string;
    /**
     * Name
     */
    name: string;
};

/**
 * NewPassword
 */
export type NewPassword = {
    /**
     * Current
     */
    current?: null;
};

/**
 * NewProject
 */
export type NewProject = {
    /**
     * Model
     */
    model?: string | null;
    /**
     * Name
     */
    name?: string | null;
    /**
     * Prompt
     */
    prompt?: string | null;
    /**
     * Template
     */
    template?: string | null;
};

/**
 * PartOut
 */
export type PartOut = {
    /**
     * Message
     */
    message: string;
    /**
     * State
     */
    state: 'fine' | 'now' | 'broken' | 'unknown';
};

/**
 * PasswordLogin
 */
export type PasswordLogin = {
    /**
     * Email
     */
    email: string;
};

/**
 * Person
 */
export type Person = {
    /**
     * Email
     */
    email: string | null;
    /**
     * Haspassword
     */
    hasPassword: boolean;
    /**
     * Id
     */
    id: string;
    /**
     * Name
     */
    name: string | null;
    /**
     * Role
     */
    role: 'owner' | 'admin' | 'member' | 'viewer';
};

/**
 * PreviewOut
 */
export type PreviewOut = {
    /**
     * Log
     */
    log: string | null;
    /**
     * Message
     */
    message: string;
    /**
     * Port
     */
    port: number;
    /**
     * State
     */
    state: 'creating' | 'waking' | 'installing' | 'building' | 'ready' | 'app-crashed' | 'port-silent' | 'blank-page' | 'asleep' | 'rebuilding' | 'provider-unreachable' | 'quota' | 'restoring' | 'restored' | 'restore-failed' | 'files-only' | 'minimal' | 'empty' | 'error';
    /**
     * Url
     */
    url: string | null;
};

/**
 * ProjectList
 */
export type ProjectList = {
    /**
     * Items
     */
    items: Array<ProjectOut>;
    /**
     * Nextcursor
     */
    nextCursor: string | null;
};

/**
 * ProjectOut
 */
export type ProjectOut = {
    /**
     * Activefragmentid
     */
    activeFragmentId: string | null;
    /**
     * Activeversion
     */
    activeVersion: number | null;
    /**
     * Candelete
     */
    canDelete: boolean;
    /**
     * Canedit
     */
    canEdit: boolean;
    /**
     * Createdat
     */
    createdAt: string;
    /**
     * Currentbranch
     */
    currentBranch: string;
    /**
     * Daytonasandboxid
     */
    daytonaSandboxId: string | null;
    /**
     * Gitcommithash
     */
    gitCommitHash: string | null;
    /**
     * Gitrepositoryurl
     */
    gitRepositoryUrl: string | null;
    /**
     * Id
     */
    id: string;
    /**
     * Name
     */
    name: string;
    /**
     * Template
     */
    template: string;
    turn: TurnOut | null;
    /**
     * Updatedat
     */
    updatedAt: string;
};

/**
 * RecoveredOut
 */
export type RecoveredOut = {
    /**
     * Missed
     */
    missed: Array<string>;
    /**
     * Mode
     */
    mode: 'full_restore' | 'files_only' | 'minimal_sandbox' | 'emergency_fallback';
    preview: StateOut;
};

/**
 * Renaming
 */
export type Renaming = {
    /**
     * Name
     */
    name: string;
};

/**
 * RestoredFromOut
 */
export type RestoredFromOut = {
    /**
     * Id
     */
    id: string;
    /**
     * Number
     */
    number: number | null;
};

/**
 * RestoredOut
 */
export type RestoredOut = {
    fragment: FragmentOut;
    /**
     * Installed
     */
    installed: boolean;
    preview: StateOut;
    saved: FragmentOut | null;
};

/**
 * Said
 *
 * The AI SDK's request: the last message is what the person said; the rest is not looked at.
 */
export type Said = {
    /**
     * Id
     */
    id?: string | null;
    /**
     * Messages
     */
    messages: Array<SaidMessage>;
    /**
     * Model
     */
    model?: string | null;
};

/**
 * SaidMessage
 */
export type SaidMessage = {
    /**
     * Parts
     */
    parts: Array<SaidPart>;
    /**
     * Role
     */
    role: string;
};

/**
 * SaidPart
 *
 * A part of a message; only text is looked at.
 */
export type SaidPart = {
    /**
     * Text
     */
    text?: string | null;
    /**
     * Type
     */
    type: string;
};

/**
 * StateOut
 */
export type StateOut = {
    /**
     * Message
     */
    message: string;
    /**
     * State
     */
    state: 'creating' | 'waking' | 'installing' | 'building' | 'ready' | 'app-crashed' | 'port-silent' | 'blank-page' | 'asleep' | 'rebuilding' | 'provider-unreachable' | 'quota' | 'restoring' | 'restored' | 'restore-failed' | 'files-only' | 'minimal' | 'empty' | 'error';
};

/**
 * StepOut
 */
export type StepOut = {
    /**
     * Commithash
     */
    commitHash: string;
    /**
     * Id
     */
    id: string;
    /**
     * Kind
     */
    kind: string;
    /**
     * Title
     */
    title: string;
};

/**
 * TurnOut
 */
export type TurnOut = {
    /**
     * Id
     */
    id: string;
    /**
     * Status
     */
    status: string;
};

/**
 * UIMessageOut
 *
 * As the AI SDK defines it.
 */
export type UiMessageOut = {
    /**
     * Id
     */
    id: string;
    /**
     * Metadata
     */
    metadata: {
        [key: string]: unknown;
    } | null;
    /**
     * Parts
     */
    parts: Array<{
        [key: string]: unknown;
    }>;
    /**
     * Role
     */
    role: string;
};

/**
 * ValidationError
 */
export type ValidationError = {
    /**
     * Context
     */
    ctx?: {
        [key: string]: unknown;
    };
    /**
     * Input
     */
    input?: unknown;
    /**
     * Location
     */
    loc: Array<string | number>;
    /**
     * Message
     */
    msg: string;
    /**
     * Error Type
     */
    type: string;
};

/**
 * WorkspaceHealthOut
 */
export type WorkspaceHealthOut = {
    devServer: PartOut;
    files: PartOut;
    machine: PartOut;
    page: PartOut;
};

/**
 * NewPassword
 */
export type NewPasswordWritable = {
    /**
     * Current
     */
    current?: string | null;
    /**
     * Password
     */
    password: string;
};

/**
 * PasswordLogin
 */
export type PasswordLoginWritable = {
    /**
     * Email
     */
    email: string;
    /**
     * Password
     */
    password: string;
};

export type GetHealthData = {
    body?: never;
    path?: never;
    query?: never;
    url: '/api/health';
};

export type GetHealthResponses = {
    /**
     * Successful Response
     */
    200: HealthOut;
};

export type GetHealthResponse = GetHealthResponses[keyof GetHealthResponses];

export type LogInData = {
    body: Login;
    path?: never;
    query?: never;
    url: '/api/login';
};

export type LogInErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type LogInError = LogInErrors[keyof LogInErrors];

export type LogInResponses = {
    /**
     * Successful Response
     */
    204: void;
};

export type LogInResponse = LogInResponses[keyof LogInResponses];

export type LogInByPasswordData = {
    body: PasswordLoginWritable;
    path?: never;
    query?: never;
    url: '/api/login/password';
};

export type LogInByPasswordErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type LogInByPasswordError = LogInByPasswordErrors[keyof LogInByPasswordErrors];

export type LogInByPasswordResponses = {
    /**
     * Successful Response
     */
    204: void;
};

export type LogInByPasswordResponse = LogInByPasswordResponses[keyof LogInByPasswordResponses];

export type LogOutData = {
    body?: never;
    path?: never;
    query?: never;
    url: '/api/logout';
};

export type LogOutResponses = {
    /**
     * Successful Response
     */
    204: void;
};

export type LogOutResponse = LogOutResponses[keyof LogOutResponses];

export type GetMachineData = {
    body?: never;
    path?: never;
    query?: never;
    url: '/api/machine';
};

export type GetMachineResponses = {
    /**
     * Successful Response
     */
    200: MachineOut;
};

export type GetMachineResponse = GetMachineResponses[keyof GetMachineResponses];

export type GetMeData = {
    body?: never;
    path?: never;
    query?: never;
    url: '/api/me';
};

export type GetMeResponses = {
    /**
     * Successful Response
     */
    200: Me;
};

export type GetMeResponse = GetMeResponses[keyof GetMeResponses];

export type SetPasswordData = {
    body: NewPasswordWritable;
    path?: never;
    query?: never;
    url: '/api/me/password';
};

export type SetPasswordErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type SetPasswordError = SetPasswordErrors[keyof SetPasswordErrors];

export type SetPasswordResponses = {
    /**
     * Successful Response
     */
    204: void;
};

export type SetPasswordResponse = SetPasswordResponses[keyof SetPasswordResponses];

export type ListProjectsData = {
    body?: never;
    path?: never;
    query?: {
        /**
         * Cursor
         */
        cursor?: string | null;
        /**
         * Limit
         */
        limit?: number;
    };
    url: '/api/projects';
};

export type ListProjectsErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type ListProjectsError = ListProjectsErrors[keyof ListProjectsErrors];

export type ListProjectsResponses = {
    /**
     * Successful Response
     */
    200: ProjectList;
};

export type ListProjectsResponse = ListProjectsResponses[keyof ListProjectsResponses];

export type CreateProjectData = {
    body: NewProject;
    path?: never;
    query?: never;
    url: '/api/projects';
};

export type CreateProjectErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type CreateProjectError = CreateProjectErrors[keyof CreateProjectErrors];

export type CreateProjectResponses = {
    /**
     * Successful Response
     */
    201: ProjectOut;
};

export type CreateProjectResponse = CreateProjectResponses[keyof CreateProjectResponses];

export type DeleteProjectData = {
    body?: never;
    path: {
        /**
         * Project Id
         */
        project_id: string;
    };
    query?: never;
    url: '/api/projects/{project_id}';
};

export type DeleteProjectErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type DeleteProjectError = DeleteProjectErrors[keyof DeleteProjectErrors];

export type DeleteProjectResponses = {
    /**
     * Successful Response
     */
    204: void;
};

export type DeleteProjectResponse = DeleteProjectResponses[keyof DeleteProjectResponses];

export type GetProjectData = {
    body?: never;
    path: {
        /**
         * Project Id
         */
        project_id: string;
    };
    query?: never;
    url: '/api/projects/{project_id}';
};

export type GetProjectErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type GetProjectError = GetProjectErrors[keyof GetProjectErrors];

export type GetProjectResponses = {
    /**
     * Successful Response
     */
    200: ProjectOut;
};

export type GetProjectResponse = GetProjectResponses[keyof GetProjectResponses];

export type RenameProjectData = {
    body: Renaming;
    path: {
        /**
         * Project Id
         */
        project_id: string;
    };
    query?: never;
    url: '/api/projects/{project_id}';
};

export type RenameProjectErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type RenameProjectError = RenameProjectErrors[keyof RenameProjectErrors];

export type RenameProjectResponses = {
    /**
     * Successful Response
     */
    200: ProjectOut;
};

export type RenameProjectResponse = RenameProjectResponses[keyof RenameProjectResponses];

export type StopChatData = {
    body?: never;
    path: {
        /**
         * Project Id
         */
        project_id: string;
    };
    query?: never;
    url: '/api/projects/{project_id}/chat';
};

export type StopChatErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type StopChatError = StopChatErrors[keyof StopChatErrors];

export type StopChatResponses = {
    /**
     * Successful Response
     */
    202: unknown;
};

export type PostChatData = {
    body: Said;
    headers?: {
        /**
         * Idempotency-Key
         */
        'idempotency-key'?: string | null;
    };
    path: {
        /**
         * Project Id
         */
        project_id: string;
    };
    query?: never;
    url: '/api/projects/{project_id}/chat';
};

export type PostChatErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type PostChatError = PostChatErrors[keyof PostChatErrors];

export type PostChatResponses = {
    /**
     * Successful Response
     */
    200: unknown;
};

export type FollowChatData = {
    body?: never;
    path: {
        /**
         * Project Id
         */
        project_id: string;
    };
    query?: never;
    url: '/api/projects/{project_id}/chat/stream';
};

export type FollowChatErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type FollowChatError = FollowChatErrors[keyof FollowChatErrors];

export type FollowChatResponses = {
    /**
     * Successful Response
     */
    200: unknown;
};

export type ListFragmentsData = {
    body?: never;
    path: {
        /**
         * Project Id
         */
        project_id: string;
    };
    query?: {
        /**
         * Cursor
         */
        cursor?: string | null;
        /**
         * Limit
         */
        limit?: number;
        /**
         * Branch
         */
        branch?: string | null;
    };
    url: '/api/projects/{project_id}/fragments';
};

export type ListFragmentsErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type ListFragmentsError = ListFragmentsErrors[keyof ListFragmentsErrors];

export type ListFragmentsResponses = {
    /**
     * Successful Response
     */
    200: FragmentList;
};

export type ListFragmentsResponse = ListFragmentsResponses[keyof ListFragmentsResponses];

export type GetFragmentData = {
    body?: never;
    path: {
        /**
         * Fid
         */
        fid: string;
        /**
         * Project Id
         */
        project_id: string;
    };
    query?: never;
    url: '/api/projects/{project_id}/fragments/{fid}';
};

export type GetFragmentErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type GetFragmentError = GetFragmentErrors[keyof GetFragmentErrors];

export type GetFragmentResponses = {
    /**
     * Successful Response
     */
    200: FragmentOut;
};

export type GetFragmentResponse = GetFragmentResponses[keyof GetFragmentResponses];

export type GetDiffData = {
    body?: never;
    path: {
        /**
         * Fid
         */
        fid: string;
        /**
         * Project Id
         */
        project_id: string;
    };
    query?: {
        /**
         * Against
         */
        against?: string | null;
    };
    url: '/api/projects/{project_id}/fragments/{fid}/diff';
};

export type GetDiffErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type GetDiffError = GetDiffErrors[keyof GetDiffErrors];

export type GetDiffResponses = {
    /**
     * Successful Response
     */
    200: DiffOut;
};

export type GetDiffResponse = GetDiffResponses[keyof GetDiffResponses];

export type ListFilesData = {
    body?: never;
    path: {
        /**
         * Fid
         */
        fid: string;
        /**
         * Project Id
         */
        project_id: string;
    };
    query?: never;
    url: '/api/projects/{project_id}/fragments/{fid}/files';
};

export type ListFilesErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type ListFilesError = ListFilesErrors[keyof ListFilesErrors];

export type ListFilesResponses = {
    /**
     * Successful Response
     */
    200: FileList;
};

export type ListFilesResponse = ListFilesResponses[keyof ListFilesResponses];

export type GetFileData = {
    body?: never;
    path: {
        /**
         * Fid
         */
        fid: string;
        /**
         * Path
         */
        path: string;
        /**
         * Project Id
         */
        project_id: string;
    };
    query?: never;
    url: '/api/projects/{project_id}/fragments/{fid}/files/{path}';
};

export type GetFileErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type GetFileError = GetFileErrors[keyof GetFileErrors];

export type GetFileResponses = {
    /**
     * Successful Response
     */
    200: Blob | File;
};

export type GetFileResponse = GetFileResponses[keyof GetFileResponses];

export type RestoreData = {
    body?: never;
    path: {
        /**
         * Fid
         */
        fid: string;
        /**
         * Project Id
         */
        project_id: string;
    };
    query?: never;
    url: '/api/projects/{project_id}/fragments/{fid}/restore';
};

export type RestoreErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type RestoreError = RestoreErrors[keyof RestoreErrors];

export type RestoreResponses = {
    /**
     * Successful Response
     */
    200: RestoredOut;
};

export type RestoreResponse = RestoreResponses[keyof RestoreResponses];

export type GetWorkspaceHealthData = {
    body?: never;
    path: {
        /**
         * Project Id
         */
        project_id: string;
    };
    query?: never;
    url: '/api/projects/{project_id}/health';
};

export type GetWorkspaceHealthErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type GetWorkspaceHealthError = GetWorkspaceHealthErrors[keyof GetWorkspaceHealthErrors];

export type GetWorkspaceHealthResponses = {
    /**
     * Successful Response
     */
    200: WorkspaceHealthOut;
};

export type GetWorkspaceHealthResponse = GetWorkspaceHealthResponses[keyof GetWorkspaceHealthResponses];

export type ListMessagesData = {
    body?: never;
    path: {
        /**
         * Project Id
         */
        project_id: string;
    };
    query?: never;
    url: '/api/projects/{project_id}/messages';
};

export type ListMessagesErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type ListMessagesError = ListMessagesErrors[keyof ListMessagesErrors];

export type ListMessagesResponses = {
    /**
     * Successful Response
     */
    200: Messages;
};

export type ListMessagesResponse = ListMessagesResponses[keyof ListMessagesResponses];

export type GetPreviewData = {
    body?: never;
    path: {
        /**
         * Project Id
         */
        project_id: string;
    };
    query?: never;
    url: '/api/projects/{project_id}/preview';
};

export type GetPreviewErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type GetPreviewError = GetPreviewErrors[keyof GetPreviewErrors];

export type GetPreviewResponses = {
    /**
     * Successful Response
     */
    200: PreviewOut;
};

export type GetPreviewResponse = GetPreviewResponses[keyof GetPreviewResponses];

export type TouchPreviewData = {
    body?: never;
    path: {
        /**
         * Project Id
         */
        project_id: string;
    };
    query?: never;
    url: '/api/projects/{project_id}/preview/touch';
};

export type TouchPreviewErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type TouchPreviewError = TouchPreviewErrors[keyof TouchPreviewErrors];

export type TouchPreviewResponses = {
    /**
     * Successful Response
     */
    204: void;
};

export type TouchPreviewResponse = TouchPreviewResponses[keyof TouchPreviewResponses];

export type RecoverData = {
    body?: never;
    path: {
        /**
         * Project Id
         */
        project_id: string;
    };
    query?: never;
    url: '/api/projects/{project_id}/recover';
};

export type RecoverErrors = {
    /**
     * Validation Error
     */
    422: HttpValidationError;
};

export type RecoverError = RecoverErrors[keyof RecoverErrors];

export type RecoverResponses = {
    /**
     * Successful Response
     */
    200: RecoveredOut;
};

export type RecoverResponse = RecoverResponses[keyof RecoverResponses];
