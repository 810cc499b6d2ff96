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
 * Person
 */
export type Person = {
    /**
     * Email
     */
    email: string | null;
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
 * Renaming
 */
export type Renaming = {
    /**
     * Name
     */
    name: string;
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
