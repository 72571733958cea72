import axios from 'axios'
import { accessToken } from './auth'

export interface Order {
  id: number
  item: string
}

export interface Report {
  id: number
  title: string
}

const newApi = axios.create({ baseURL: '/api/new' })
const oldApi = axios.create({ baseURL: `${import.meta.env.VITE_API_URL}/old` })

oldApi.interceptors.request.use((config) => {
  const token = accessToken()
  if (token) config.headers.Authorization = `Bearer ${token}`
  return config
})

export const listOrders = async () => (await newApi.get<Order[]>('/orders')).data
export const addOrder = async (item: string) => (await newApi.post<Order>('/orders', { item })).data
export const listReports = async () => (await oldApi.get<Report[]>('/reports')).data

export async function readReport(id: number): Promise<string> {
  const response = await fetch(`${import.meta.env.VITE_API_URL}/old/reports/${id}.csv`, {
    headers: { Authorization: `Bearer ${accessToken()}` },
  })
  if (!response.ok) throw new Error(`The report cannot be had (${response.status}).`)
  return response.text()
}
