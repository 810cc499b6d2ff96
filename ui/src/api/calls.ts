/** Every address of the server that the page calls, in one place. */

import { request } from "./client";
import type { NewProject, Project, Restored } from "./types";

const project = (id: string) => `/api/projects/${encodeURIComponent(id)}`;
const escaped = (path: string) => path.split("/").map(encodeURIComponent).join("/");

export const paths = {
  me: "/api/me",
  machine: "/api/machine",
  projects: "/api/projects",
  olderProjects: (cursor: string) => `/api/projects?cursor=${encodeURIComponent(cursor)}`,
  project,
  fragments: (id: string, cursor?: string) => `${project(id)}/fragments?limit=50${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`,
  fragment: (id: string, ref: string) => `${project(id)}/fragments/${encodeURIComponent(ref)}`,
  diff: (id: string, ref: string, against?: string | null) =>
    `${project(id)}/fragments/${encodeURIComponent(ref)}/diff${against ? `?against=${encodeURIComponent(against)}` : ""}`,
  files: (id: string, ref: string) => `${project(id)}/fragments/${encodeURIComponent(ref)}/files`,
  file: (id: string, ref: string, path: string) => `${project(id)}/fragments/${encodeURIComponent(ref)}/files/${escaped(path)}`,
  health: (id: string) => `${project(id)}/health`,
  preview: (id: string) => `${project(id)}/preview`,
  chat: (id: string) => `${project(id)}/chat`,
  stream: (id: string) => `${project(id)}/chat/stream`,
  messages: (id: string) => `${project(id)}/messages`,
};

export const calls = {
  login: (key: string) => request<undefined>("POST", "/api/login", { key }),
  loginWithPassword: (email: string, password: string) => request<undefined>("POST", "/api/login/password", { email, password }),
  logOut: () => request<undefined>("POST", "/api/logout", {}),
  setPassword: (current: string | null, password: string) => request<undefined>("PUT", "/api/me/password", { current, password }),
  createProject: (body: NewProject) => request<Project>("POST", paths.projects, body),
  renameProject: (id: string, name: string) => request<Project>("PATCH", project(id), { name }),
  deleteProject: (id: string) => request<undefined>("DELETE", project(id)),
  restore: (id: string, ref: string) => request<Restored>("POST", `${paths.fragment(id, ref)}/restore`, {}),
  recover: (id: string) => request<unknown>("POST", `${project(id)}/recover`, {}),
  touch: (id: string) => request<undefined>("POST", `${paths.preview(id)}/touch`, {}),
  stop: (id: string) => request<undefined>("DELETE", paths.chat(id)),
};
